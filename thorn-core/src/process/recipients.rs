//! Recipients that events bring or that callbacks name.

use url::Url;

use crate::{
    error::Error,
    guard::{TargetError, TargetGuard, Validator},
    rendered::{Callback, EventInfo},
    signing::SecretKey,
    spec::Subscriber,
};

/// The callbacks that name recipients, and the rules for all recipients. The builder of `Thorn` sets them.
#[derive(Clone, Debug)]
pub(crate) struct Recipients {
    pub(crate) key: Option<SecretKey>,
    pub(crate) guard: TargetGuard,
    pub(crate) callbacks: Vec<Callback>,
}

impl Recipients {
    /// See [`gather`](super::gather).
    pub(super) fn gather(
        &self,
        mut all: Vec<Subscriber>,
        event: &EventInfo<'_>,
        validators: Option<&[Validator]>,
    ) -> Result<Vec<Subscriber>, Error> {
        for callback in &self.callbacks {
            all.extend(callback.ask(event)?);
        }
        self.admit(all, validators)
    }

    /// See [`admit`](super::admit).
    pub(super) fn admit(
        &self,
        mut all: Vec<Subscriber>,
        validators: Option<&[Validator]>,
    ) -> Result<Vec<Subscriber>, Error> {
        if all.is_empty() {
            return Ok(all);
        }
        let guard = match validators {
            Some(validators) => &self.guard.clone().validators(validators.iter().cloned()),
            None => &self.guard,
        };
        let mut seen = std::collections::HashSet::with_capacity(all.len());
        all.retain(|subscriber| seen.insert(subscriber.subscription_id()));
        for subscriber in &all {
            let url = Url::parse(subscriber.url()).map_err(|error| TargetError::Url { reason: error.to_string() })?;
            guard.check_url(&url)?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pattern::Pattern;

    const EVENT: EventInfo<'_> = EventInfo {
        name: "article.created",
        reference: Some("/a/1"),
        sender: None,
        context: None,
        raw: None,
        body: r#"{"event":"article.created","ref":"/a/1","sender":null,"data":{"team":"blue"}}"#,
    };

    fn asking(
        pattern: &str,
        function: impl Fn(&EventInfo<'_>) -> Result<Vec<Subscriber>, crate::rendered::CallbackError> + Send + Sync + 'static,
    ) -> Recipients {
        let callbacks = vec![Callback::new(Pattern::parse(pattern).unwrap(), Arc::new(function))];
        Recipients { key: None, guard: TargetGuard::new(), callbacks }
    }

    fn urls(recipients: &Recipients, own: &[&str]) -> Result<Vec<String>, Error> {
        let own = own.iter().map(|url| Subscriber::unsigned(*url).unwrap()).collect();
        Ok(recipients.gather(own, &EVENT, None)?.iter().map(|one| one.url().to_owned()).collect())
    }

    #[test]
    fn thorn_008_099_100_own_subscribers_come_with_those_of_callbacks_that_match() {
        let by_team = |event: &EventInfo<'_>| {
            let data: std::collections::HashMap<String, String> = event.data()?;
            let url = format!("https://{}.example{}", data["team"], event.reference().unwrap_or_default());
            Ok(vec![Subscriber::unsigned("https://a.example/")?, Subscriber::unsigned(url)?])
        };
        let all = urls(&asking("article.*", by_team), &["https://a.example/", "https://b.example/"]).unwrap();
        assert_eq!(all, ["https://a.example/", "https://b.example/", "https://blue.example/a/1"]);
        assert_eq!(urls(&asking("user.*", by_team), &["https://b.example/"]).unwrap(), ["https://b.example/"]);
    }

    #[test]
    fn thorn_100_what_goes_wrong_in_a_callback_is_an_error_that_says_where() {
        for (recipients, what) in [
            (asking("*.created", |_| panic!("no {}", 7)), "it panicked: no 7"),
            (asking("*.created", |_| Err("nobody knows".into())), "nobody knows"),
            (asking("*.created", |_| Ok(vec![Subscriber::unsigned("nowhere")?])), "url"),
        ] {
            let error = urls(&recipients, &[]).unwrap_err().to_string();
            assert!(error.contains("`*.created`") && error.contains("article.created"), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn the_guard_is_asked_when_the_event_is_written() {
        let nobody = asking("*", |_| Ok(Vec::new()));
        assert!(matches!(urls(&nobody, &["http://127.0.0.1/"]), Err(Error::Target(TargetError::Address { .. }))));
        assert!(matches!(urls(&nobody, &["http://a.example:22/"]), Err(Error::Target(TargetError::Port { port: 22 }))));
        let own = vec![Subscriber::unsigned("http://a.example:22/").unwrap()];
        assert!(nobody.gather(own.clone(), &EVENT, Some(&[])).is_ok());
        assert!(nobody.gather(own, &EVENT, Some(&[Validator::protocols(["https"])])).is_err());
    }
}
