//! Descriptions of resources: their operations, with each parameter, body, scope and status. They are data that stands
//! beside the routes; the server makes its OpenAPI document of them.

// Each module uses only modules above it.
mod schema;
mod answer;
mod operation;
mod resource;

pub(crate) use self::{
    operation::Operation,
    resource::Resource,
    schema::{Object, id, list, named, object, one_of, optional, or_null, text, text_like, time, url, whole_number},
};
