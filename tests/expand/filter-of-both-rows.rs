#[webhook_model(
    on_paid(event = "order.paid", on = change, when = state.now_eq(State::Paid)),
    on_raised(event = "order.raised", on = change, when = old.is_some_and(|old| old.total < new.total)),
    on_custom(event = "order.custom", on = change, when = mine(total) && matches!(state.new, Some(State::Paid))),
    broadcast
)]
struct Model {
    id: i32,
    total: i64,
    state: State,
}
