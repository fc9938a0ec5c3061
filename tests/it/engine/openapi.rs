//! HA9: the description of the server's interface, compared with its routes and judged by programs that know nothing of
//! thorn.

mod page;
mod programs;
mod routes;
