#[webhook_model(on_create(event = "order.large", when = total.gt(1000) && !(coupon.is_null() || coupon.eq("test"))), broadcast)]
pub(crate) struct Model {
    pub id: i32,
    pub total: i64,
    pub coupon: Option<String>,
}
