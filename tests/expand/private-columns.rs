#[webhook_model(
    on_create = "user.created",
    on_change(event = "user.changed", broadcast, payload = all),
    on_delete(event = "user.removed", payload = [id, api_key]),
    private = [password_hash],
    expose = [token_count, note],
    sender = id
)]
pub struct Model {
    pub id: i32,
    pub password_hash: String,
    #[serde(skip_serializing)]
    pub api_key: String,
    #[serde(skip)]
    pub note: String,
    pub token_count: i32,
}
