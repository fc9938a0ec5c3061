#[webhook_model(
    on_create = "user.created",
    on_change(event = "user.changed", coalesce),
    on_rename(event = "user.renamed", on = change, payload = json::of_user),
    on_view(event = "user.viewed", on = change, payload = views::User),
    previous
)]
pub struct Model {
    pub id: i32,
    pub username: String,
}
