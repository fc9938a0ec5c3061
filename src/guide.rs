//! Guides, one for each task. Their examples are compiled with the tests.
//!
//! Begin with [getting started](getting_started). [Receiving](receiving) is for your subscribers.
//! Each guide is a page in the repository's folder `docs`, too.

/// A module whose documentation is a page of `docs`.
///
/// The pages link to each other by files, for readers of the repository. The first definition of a link
/// wins, so those of `guide_links.md` lead readers of rustdoc to modules.
macro_rules! guides {
    ($($name:ident: $page:literal),* $(,)?) => {$(
        #[doc = include_str!("guide_links.md")]
        #[doc = include_str!($page)]
        pub mod $name {}
    )*};
}

guides! {
    getting_started: "../docs/guide/getting_started.md",
    adopting: "../docs/adopting.md",
    models: "../docs/guide/models.md",
    sending_by_hand: "../docs/guide/sending_by_hand.md",
    subscriptions: "../docs/guide/subscriptions.md",
    delivery: "../docs/guide/delivery.md",
    receiving: "../docs/receiving.md",
    rest: "../docs/rest.md",
    streams: "../docs/streams.md",
    hub: "../docs/hub.md",
    coming_from_thorn: "../docs/coming-from-thorn.md",
    glossary: "../docs/glossary.md",
}

#[doc = include_str!("guide_links.md")]
#[cfg_attr(feature = "testing", doc = include_str!("../docs/guide/testing.md"))]
#[cfg_attr(not(feature = "testing"), doc = "Testing an application, with the feature `testing`.")]
pub mod testing {}
