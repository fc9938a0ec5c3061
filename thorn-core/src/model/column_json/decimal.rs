//! The text of decimal numbers.

/// The number without an exponent, with `scale` digits after the point. Without a scale it has no zeros at the
/// end of its fraction, which some databases keep and others don't.
///
/// No digit is lost: a number with more digits than `scale` keeps them.
pub(super) fn text(number: &str, scale: Option<usize>) -> String {
    let number = without_exponent(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = scale.unwrap_or(0).max(fraction.len());
    let whole = if whole == "-0" && fraction.is_empty() { "0" } else { whole };
    if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction:0<digits$}") }
}

/// Writes out `1.5E+3` and `2E-7`, as which arbitrary decimals may be displayed.
fn without_exponent(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once(['e', 'E']) else { return number.to_owned() };
    let Ok(exponent) = exponent.parse::<i64>() else { return number.to_owned() };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
    match usize::try_from(point) {
        Ok(0) | Err(_) => format!("{sign}0.{}{all}", "0".repeat(usize::try_from(-point).unwrap_or(0))),
        Ok(point) if point >= all.len() => format!("{sign}{all:0<point$}"),
        Ok(point) => format!("{sign}{}.{}", &all[..point], &all[point..]),
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_number_has_one_text_whatever_the_database_kept_of_it() {
        for (number, plain) in [
            ("1.50", "1.5"),
            ("1.5", "1.5"),
            ("100", "100"),
            ("100.00", "100"),
            ("-0.00", "0"),
            ("-0.50", "-0.5"),
            ("1.5E+3", "1500"),
            ("-12e2", "-1200"),
            ("2E-7", "0.0000002"),
            ("12.5e-1", "1.25"),
            ("12345678901234567890.123456789012345678901", "12345678901234567890.123456789012345678901"),
        ] {
            assert_eq!(text(number, None), plain, "{number}");
        }
    }

    #[test]
    fn a_declared_scale_adds_zeros_and_removes_no_digits() {
        for (number, scale, plain) in
            [("1.5", 2, "1.50"), ("1.500", 2, "1.50"), ("3", 2, "3.00"), ("1.555", 2, "1.555"), ("3", 0, "3")]
        {
            assert_eq!(text(number, Some(scale)), plain, "{number}");
        }
    }
}
