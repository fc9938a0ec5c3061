//! For tests: a connection to a database without RETURNING such as MySQL, which is SQLite in disguise.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

pub(crate) struct WithoutReturning(pub(crate) DatabaseConnection);

#[async_trait::async_trait]
impl ConnectionTrait for WithoutReturning {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        assert!(!statement.sql.contains("RETURNING"));
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        assert!(!statement.sql.contains("RETURNING"));
        self.0.query_all_raw(statement).await
    }

    fn support_returning(&self) -> bool {
        false
    }
}
