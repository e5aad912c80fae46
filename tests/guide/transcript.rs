//! Console blocks of a document: commands, and what they are said to print.

/// What stands for text that differs each time; alone on a line it stands for any number of lines.
const ANYTHING: char = '…';

/// One command of a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its line in the document, from 1.
    pub(crate) line: usize,
    /// What is typed.
    pub(crate) command: String,
    /// The lines that it prints, `…` for what is not told; empty when it is not told what it prints.
    pub(crate) expected: Vec<String>,
}

/// Reads all commands of a document's console blocks.
pub(crate) fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_console = false;
    for (index, line) in document.lines().enumerate() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            steps.push(Step { line: index + 1, command: command.to_owned(), expected: Vec::new() });
        } else if let Some(step) = steps.last_mut().filter(|_| is_console) {
            step.expected.push(line.to_owned());
        }
    }
    steps
}

/// Tells whether `printed` is what was said, line by line.
pub(crate) fn matches(expected: &[String], printed: &str) -> bool {
    let printed: Vec<&str> = printed.lines().collect();
    expected.is_empty() || lines_match(expected, &printed)
}

fn lines_match(expected: &[String], printed: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return printed.is_empty() };
    if first.chars().eq([ANYTHING]) {
        return (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]));
    }
    match printed.split_first() {
        Some((line, others)) => line_matches(first, line) && lines_match(rest, others),
        None => false,
    }
}

/// Holds a line against its pattern; spaces at the end do not count.
fn line_matches(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.trim_end().split(ANYTHING);
    let Some(mut rest) = pieces.next().and_then(|first| line.trim_end().strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[test]
fn a_document_says_what_is_typed_and_what_comes_of_it() {
    let steps =
        steps("text\n```console\n$ one\n$ two\nout\n…\n```\n$ no command\n```toml\n$ nor this\n```\n");
    let read: Vec<_> =
        steps.iter().map(|step| (step.line, step.command.as_str(), step.expected.len())).collect();
    assert_eq!(read, [(3, "one", 0), (4, "two", 2)]);
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    let said = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&said("a … c\n…\nend"), "a b c\nx\ny\nend"));
    assert!(matches(&said("…"), "") && matches(&[], "whatever"));
    assert!(matches(&said("…b…b…"), "abcbd"));
    assert!(!matches(&said("a … c"), "a b d"));
    assert!(!matches(&said("a"), "a\nb"));
    assert!(!matches(&said("a\n…\nend"), "a\nx"));
}
