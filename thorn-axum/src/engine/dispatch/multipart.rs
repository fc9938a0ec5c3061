//! Bodies of `multipart/form-data` (RFC 7578): reads control fields, and cuts their parts out.

use std::ops::Range;

use axum::body::Bytes;

use super::{
    control::{Control, Controls},
    parameter::parameter,
    refused::Refused,
};

/// The longest boundary of RFC 2046, section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// A part, from its delimiter to the next one.
struct Part<'a> {
    /// The place of the part in the body, with its delimiter and without the next one.
    place: Range<usize>,
    headers: &'a [u8],
    content: &'a [u8],
}

/// Takes the parts of control fields out of a body. What is left has the same boundary and the same bytes.
pub(super) fn cut(content_type: &[u8], body: Bytes, controls: &mut Controls) -> Result<Bytes, Refused> {
    let boundary = parameter(content_type, "boundary")
        .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
        .ok_or(Refused::Multipart("the content type has no boundary of 1 to 70 characters"))?;
    let mut left = Vec::new();
    let mut from = 0;
    for part in parts(&body, &boundary)? {
        let Some(control) = name(part.headers).and_then(|name| Control::named(&name)) else { continue };
        controls.add(control, part.content.to_vec())?;
        left.push(from..part.place.start);
        from = part.place.end;
    }
    if from == 0 {
        return Ok(body);
    }
    left.push(from..body.len());
    Ok(left.into_iter().flat_map(|range| &body[range]).copied().collect())
}

/// The parts of a body between their delimiters.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Result<Vec<Part<'a>>, Refused> {
    let mut parts = Vec::new();
    let mut open: Option<Range<usize>> = None;
    for start in lines(body) {
        let Some(delimiter) = delimiter(&body[start..], boundary) else { continue };
        if let Some(opened) = open.take() {
            parts.push(part(body, opened, start)?);
        }
        match delimiter {
            Delimiter::Close => return Ok(parts),
            Delimiter::Open(length) => open = Some(start..start + length),
        }
    }
    Err(Refused::Multipart("its last delimiter is missing"))
}

/// The places where a line begins after CRLF, or the body.
fn lines(body: &[u8]) -> impl Iterator<Item = usize> {
    let after = body.windows(2).enumerate().filter(|(_, two)| *two == b"\r\n").map(|(at, _)| at + 2);
    std::iter::once(0).chain(after)
}

enum Delimiter {
    /// Begins a part. The line has this length, with its CRLF.
    Open(usize),
    /// Ends the last part.
    Close,
}

/// The delimiter that these bytes begin with. Its line holds white space at most besides it, so a longer line that
/// begins alike is content.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<Delimiter> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (rest, is_close) = rest.strip_prefix(b"--").map_or((rest, false), |rest| (rest, true));
    let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let ends = rest[padding..].starts_with(b"\r\n");
    match is_close {
        true => (ends || rest.len() == padding).then_some(Delimiter::Close),
        false => ends.then_some(Delimiter::Open(2 + boundary.len() + padding + 2)),
    }
}

/// The part that an opening delimiter and the start of the next one enclose.
fn part(body: &[u8], delimiter: Range<usize>, next: usize) -> Result<Part<'_>, Refused> {
    let incomplete = Refused::Multipart("a part has no empty line after its headers");
    // The CRLF before the next delimiter belongs to it. A part without headers begins with the empty line.
    let inner = body.get(delimiter.end..next - 2).unwrap_or_default();
    let (headers, content) = match inner.strip_prefix(b"\r\n") {
        Some(content) => (&inner[..0], content),
        None => {
            let end = inner.windows(4).position(|four| four == b"\r\n\r\n").ok_or(incomplete)?;
            (&inner[..end], &inner[end + 4..])
        }
    };
    Ok(Part { place: delimiter.start..next, headers, content })
}

/// The name in a part's `Content-Disposition`.
fn name(headers: &[u8]) -> Option<Vec<u8>> {
    let lines = headers.split(|byte| *byte == b'\n');
    let named = |line: &&[u8]| {
        let end = line.iter().position(|byte| *byte == b':');
        end.is_some_and(|end| line[..end].trim_ascii().eq_ignore_ascii_case(b"content-disposition"))
    };
    parameter(lines.map(<[u8]>::trim_ascii).find(named)?, "name")
}

#[cfg(test)]
mod tests;
