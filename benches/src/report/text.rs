//! Numbers as people read them, the same in tables, plots and on the terminal.

/// `15,000`.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    if number < 0.0 && digits != "0" {
        text.push('-');
    }
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits, and never an exponent: `0.052`, `1.23`, `45.6`, `7,890`.
pub(crate) fn significant(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    let decimals = match size.log10().floor() as i32 {
        2.. => return thousands(number),
        1 => 1,
        0 => 2,
        power => (2 - power).min(6) as usize,
    };
    format!("{number:.decimals$}")
}

/// As [`significant`], without the zeros that say nothing.
pub(crate) fn short(number: f64) -> String {
    let text = significant(number);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share of one as `0.02 %`; what is not quite nothing does not look like it.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        ..0.001 => "< 0.001 %".to_owned(),
        ..0.1 => format!("{percent:.3} %"),
        ..10.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

/// A number or a dash.
pub(crate) fn or_dash(number: Option<f64>, show: impl Fn(f64) -> String) -> String {
    number
        .filter(|number| number.is_finite())
        .map_or_else(|| "–".to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        let thousands_of = [0.0, 999.0, 1_000.0, 15_000.4, 1_234_567.0, -1_500.0];
        assert_eq!(
            thousands_of.map(thousands),
            ["0", "999", "1,000", "15,000", "1,234,567", "-1,500"]
        );
        let significant_of = [0.0, 0.05234, 0.5, 1.234, 45.67, 789.0, 7_890.0];
        assert_eq!(
            significant_of.map(significant),
            ["0", "0.0523", "0.500", "1.23", "45.7", "789", "7,890"]
        );
        let short_of = [0.5, 2.0, 0.013, 100.0, 30.0];
        assert_eq!(short_of.map(short), ["0.5", "2", "0.013", "100", "30"]);
        let shares = [0.0, 0.000_001, 0.000_25, 0.0123, 0.29];
        assert_eq!(
            shares.map(percent),
            ["0 %", "< 0.001 %", "0.025 %", "1.23 %", "29.0 %"]
        );
        assert_eq!(or_dash(None, thousands), "–");
        assert_eq!(or_dash(Some(f64::NAN), thousands), "–");
    }
}
