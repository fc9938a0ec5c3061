//! The errors of the API.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sea_orm::{DbErr, SqlErr};

#[derive(Debug)]
pub(super) enum Error {
    /// There is no such thing.
    NotFound(&'static str),
    /// The thing belongs to somebody else.
    Forbidden(&'static str),
    Database(DbErr),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, format!("no such {what}")).into_response(),
            Self::Forbidden(what) => (StatusCode::FORBIDDEN, format!("this {what} isn't yours")).into_response(),
            Self::Database(error) => match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    (StatusCode::CONFLICT, "it exists already").into_response()
                }
                _ => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
            },
        }
    }
}
