//! Authentication of the queue's tasks.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::Mac as _;
use rand::{TryRng as _, rngs::SysRng};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::hmac::{hmac_of, verify};

const KEY_BYTES: usize = 32;

/// The text between the task and its code, and the text after the code.
const BEFORE: &str = r#","m":""#;
const AFTER: &str = r#""}"#;

/// The length of a code: SHA-256 in base64.
const CODE: usize = 44;

/// The key that authenticates the tasks of a database's queue.
///
/// A queue may lie in another server than the database, and more people may write to it. With the key, a worker
/// tells the relay's tasks from all others. The key is in the database, because relays and workers share only that.
#[derive(Clone)]
pub(crate) struct TaskKey(Zeroizing<[u8; KEY_BYTES]>);

/// The text isn't a key of 32 bytes in base64. The message doesn't show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`task_key` in thorn_registry is not base64 of 32 bytes; set it to NULL, and restart all workers")]
pub(crate) struct ParseTaskKeyError;

impl TaskKey {
    /// Generates a random key.
    pub(crate) fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        SysRng.try_fill_bytes(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The key as base64, for the database.
    pub(crate) fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// Adds a message authentication code to a task, which must be a JSON object with a member. The code is the last
    /// member, `m`: an HMAC-SHA256 of all bytes before it.
    pub(crate) fn seal(&self, mut task: String) -> String {
        let open = task.strip_suffix('}').unwrap_or(&task).len();
        task.truncate(open);
        let code = hmac_of::<Sha256>(self.0.as_slice(), &[task.as_bytes()]).finalize().into_bytes();
        task.reserve(BEFORE.len() + CODE + AFTER.len());
        task.push_str(BEFORE);
        STANDARD.encode_string(code, &mut task);
        task.push_str(AFTER);
        task
    }

    /// The code of a [sealed](Self::seal) task. Nothing is known about the text if the code hasn't been checked.
    pub(crate) fn code(task: &str) -> Option<&str> {
        Some(task.strip_suffix(AFTER)?.rsplit_once(BEFORE)?.1)
    }

    /// The task as it was before it was [sealed](Self::seal). `None` if its code is missing or another key made it, or
    /// if the task was changed.
    pub(crate) fn open(&self, mut task: String) -> Option<String> {
        let (sealed, code) = task.strip_suffix(AFTER)?.rsplit_once(BEFORE)?;
        let tag = STANDARD.decode(code).ok()?;
        verify(hmac_of::<Sha256>(self.0.as_slice(), &[sealed.as_bytes()]), &tag).ok()?;
        let end = sealed.len();
        task.truncate(end);
        task.push('}');
        Some(task)
    }
}

impl FromStr for TaskKey {
    type Err = ParseTaskKeyError;

    fn from_str(text: &str) -> Result<Self, ParseTaskKeyError> {
        let decoded = Zeroizing::new(STANDARD.decode(text).map_err(|_| ParseTaskKeyError)?);
        let bytes = decoded.as_slice().try_into().map_err(|_| ParseTaskKeyError)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = r#"{"v":1,"events":[{"name":"a.b","bodies":{"json":{"m":"x"}}}],"deliveries":[{"e":0}]}"#;

    #[test]
    fn a_sealed_task_is_json_and_opens_with_its_key_only() {
        let key = TaskKey::generate().unwrap();
        let sealed = key.seal(TASK.to_owned());
        let read: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        assert_eq!(read["m"].as_str().map(str::len), Some(CODE));
        assert_eq!(read["events"][0]["name"], "a.b");
        assert_eq!(key.open(sealed.clone()).as_deref(), Some(TASK));
        assert_eq!(TaskKey::generate().unwrap().open(sealed.clone()), None);
        let again: TaskKey = key.expose().parse().unwrap();
        assert_eq!(again.open(sealed).as_deref(), Some(TASK));
    }

    #[test]
    fn a_task_that_was_changed_in_any_way_does_not_open() {
        let key = TaskKey::generate().unwrap();
        let sealed = key.seal(TASK.to_owned());
        for (what, task) in [
            ("no code", TASK.to_owned()),
            ("another name", sealed.replace("a.b", "a.c")),
            ("another delivery", sealed.replace(r#"{"e":0}"#, r#"{"e":1}"#)),
            ("a member after the code", sealed.replace(r#""}"#, r#"","check":true}"#)),
            ("another code", sealed.replacen(r#""m":"x""#, r#""m":"y""#, 1)),
            ("white space", format!("{sealed} ")),
            ("an empty code", format!("{}{BEFORE}{AFTER}", TASK.strip_suffix('}').unwrap())),
            ("nothing", String::new()),
        ] {
            assert_eq!(key.open(task), None, "{what}");
        }
    }

    #[test]
    fn a_key_is_read_back_and_never_shown() {
        let key = TaskKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "TaskKey(…)");
        for bad in ["", "hush", "aHVzaA==", &"A".repeat(48)] {
            assert!(!bad.parse::<TaskKey>().unwrap_err().to_string().contains("hush"), "{bad}");
        }
    }
}
