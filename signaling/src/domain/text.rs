//! Which texts of strangers may be shown beside others'.

/// Longest name that others are shown.
pub const MAX_NAME_CHARS: usize = 64;
/// Longest e-mail address, user name, role, title and URL taken over from anybody.
pub const MAX_TEXT_CHARS: usize = 512;

/// The name without surrounding space, if it can be shown beside others' names.
pub fn display_name(name: &str) -> Option<String> {
    bounded(name.trim(), MAX_NAME_CHARS)
}

/// `text`, if it has 1 to `max` characters and all of them can be shown.
pub fn bounded(text: &str, max: usize) -> Option<String> {
    let fits = (1..=max).contains(&text.chars().count());
    (fits && !text.chars().any(unprintable)).then(|| text.to_owned())
}

/// Control characters, and the format characters that reorder or hide what stands
/// beside them (UAX #9 §2, zero width space and its kin), so that no name looks like
/// another or breaks the page.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
}
