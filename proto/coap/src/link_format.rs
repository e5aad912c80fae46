//! Links to resources, as `/.well-known/core` lists them, and the filter of its query.
//!
//! Source: RFC 6690 §2, §4.1.
//! Does not: parse link format; nobody here reads what others offer.
//! Invariants: what is written follows the grammar of RFC 6690 §2, whatever values the caller gives.

/// The attributes whose value is a list of words, each matched by itself (RFC 6690 §4.1, relation types).
const WORD_LISTS: [&str; 4] = ["rel", "rev", "rt", "if"];

/// A link: its target and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    target: String,
    attributes: Vec<(String, Option<String>)>,
}

impl Link {
    /// Makes a link to a target such as `/.well-known/brski`; what no URI has (RFC 3986 §2) is percent-encoded. A
    /// percent sign stays, for what follows it may be encoded already.
    #[must_use]
    pub fn new(target: &str) -> Self {
        let mut encoded = String::with_capacity(target.len());
        for octet in target.bytes() {
            if octet.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&octet) {
                encoded.push(char::from(octet));
            } else {
                encoded.push_str(&format!("%{octet:02X}"));
            }
        }
        Self { target: encoded, attributes: Vec::new() }
    }

    /// Adds an attribute with a value, such as `rt` and `brski`. A name that the grammar does not allow adds nothing.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.with_attribute(name, Some(value.to_owned()))
    }

    /// Adds an attribute without value, such as `obs`.
    #[must_use]
    pub fn with_flag(self, name: &str) -> Self {
        self.with_attribute(name, None)
    }

    fn with_attribute(mut self, name: &str, value: Option<String>) -> Self {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&+-.^_`|~".contains(c);
        // "href" is reserved for the filter (RFC 6690 §2).
        if !name.is_empty() && name.chars().all(is_allowed) && name != "href" {
            self.attributes.push((name.to_owned(), value));
        }
        self
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.target);
        out.push('>');
        for (name, value) in &self.attributes {
            out.push(';');
            out.push_str(name);
            match value {
                None => {}
                // A number needs no quotes, and `sz` must have none (RFC 6690 §2).
                Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                    out.push('=');
                    out.push_str(number);
                }
                Some(text) => write_quoted(text, out),
            }
        }
    }
}

fn write_quoted(text: &str, out: &mut String) {
    out.push_str("=\"");
    for character in text.chars().filter(|c| !c.is_control()) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// Writes the links that match the query of a request: all of them without a query, and none where it is malformed.
#[must_use]
pub fn render<'a>(links: &[Link], query: impl IntoIterator<Item = &'a [u8]>) -> String {
    let filters: Vec<Option<Filter>> = query.into_iter().map(Filter::parse).collect();
    let mut out = String::new();
    for link in links {
        if filters.iter().all(|filter| filter.as_ref().is_some_and(|filter| filter.matches(link))) {
            if !out.is_empty() {
                out.push(',');
            }
            link.write(&mut out);
        }
    }
    out
}

/// One `name=value` of a query.
struct Filter {
    name: String,
    value: String,
    is_prefix: bool,
}

impl Filter {
    // RFC6690-4.1-filter
    fn parse(argument: &[u8]) -> Option<Self> {
        let (name, value) = std::str::from_utf8(argument).ok()?.split_once('=')?;
        let (value, is_prefix) = match value.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (value, false),
        };
        // Uri-Query is not percent-encoded (RFC 7252 §6.4), so there is nothing to decode.
        Some(Self { name: name.to_owned(), value: value.to_owned(), is_prefix })
    }

    fn matches(&self, link: &Link) -> bool {
        if self.name == "href" {
            return self.fits(&link.target);
        }
        let values = link.attributes.iter().filter(|(name, _)| *name == self.name);
        let is_list = WORD_LISTS.contains(&self.name.as_str());
        let mut values = values.map(|(_, value)| value.as_deref().unwrap_or_default());
        // RFC6690-4.1-each-value
        values.any(
            |value| if is_list { value.split(' ').any(|word| self.fits(word)) } else { self.fits(value) },
        )
    }

    fn fits(&self, value: &str) -> bool {
        if self.is_prefix { value.starts_with(&self.value) } else { value == self.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> [Link; 3] {
        [
            Link::new("/.well-known/brski").with("rt", "brski brski.rv").with("ct", "836"),
            Link::new("/b").with("rt", "ace.est.sen").with_flag("obs"),
            Link::new("jpy://[::1]:5684").with("rt", "brski.rjp"),
        ]
    }

    fn discover(query: &str) -> String {
        let query = if query.is_empty() { vec![] } else { vec![query.as_bytes()] };
        render(&links(), query)
    }

    #[test]
    fn without_a_query_all_links_are_listed() {
        assert_eq!(
            discover(""),
            "</.well-known/brski>;rt=\"brski brski.rv\";ct=836,</b>;rt=\"ace.est.sen\";obs,<jpy://[::1]:5684>;rt=\"brski.rjp\""
        );
    }

    #[test]
    fn a_filter_matches_whole_values_prefixes_and_each_word_of_a_list() {
        // RFC6690-4.1-filter RFC6690-4.1-each-value
        assert!(
            discover("rt=brski").starts_with("</.well-known/brski>") && !discover("rt=brski").contains("jpy")
        );
        assert_eq!(discover("rt=ace.est*"), "</b>;rt=\"ace.est.sen\";obs");
        assert!(discover("rt=brski.rv").contains("brski"));
        assert_eq!(discover("href=/b"), "</b>;rt=\"ace.est.sen\";obs");
        assert_eq!(discover("obs=*"), "</b>;rt=\"ace.est.sen\";obs");
        assert_eq!(discover("rt=*").matches('<').count(), 3);
        for nothing in ["rt=brsk", "href=/", "ct=83", "foo=*", "rt", "="] {
            assert_eq!(discover(nothing), "", "{nothing}");
        }
    }

    #[test]
    fn a_query_that_is_not_utf_8_matches_nothing() {
        assert_eq!(render(&links(), [&[0xff_u8, b'=', b'*'][..]]), "");
    }

    #[test]
    fn no_value_breaks_out_of_its_link() {
        let link =
            Link::new("/a>,</evil").with("title", "x\";rt=\"evil\\").with("bad name", "1").with("href", "/x");
        assert_eq!(render(&[Link::new("/é \n")], []), "</%C3%A9%20%0A>");
        assert_eq!(render(&[link], []), "</a%3E,%3C/evil>;title=\"x\\\";rt=\\\"evil\\\\\"");
    }
}
