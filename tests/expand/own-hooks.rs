#[active_model_behavior]
#[async_trait]
impl ActiveModelBehavior for ActiveModel {
    fn new() -> Self {
        Self::default()
    }

    async fn before_save<C>(mut self, _: &C, insert: bool) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        if insert {
            self.created_at = Set(now());
        }
        Ok(self)
    }

    #[cfg(feature = "audit")]
    async fn after_save<C>(model: Model, db: &C, insert: bool) -> Result<Model, DbErr>
    where
        C: ConnectionTrait,
    {
        audit(&model, db, insert).await
    }
}
