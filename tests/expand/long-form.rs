#[webhook_model(
    on_create(event = "user.{username}.{{created}}"),
    on_change(event = "user.changed", only_if_changed),
    on_greet(event = "user.greeted", manual, payload = greeting, headers = own_headers, dispatch = inline),
    on_leave(event = "user.left", on = delete, payload = views::Left, sender = id, reverse = "/gone", dispatch = "mail"),
    payload = [id, username, r#type],
    headers = headers::of_user,
    sender = username,
    reverse = "/users/{id}",
    dispatch = disabled
)]
pub struct Model {
    pub id: i32,
    #[sea_orm(enum_name = "Name")]
    pub username: String,
    pub r#type: Option<String>,
    #[sea_orm(has_many)]
    pub posts: HasMany<super::post::Entity>,
}
