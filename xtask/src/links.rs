//! Links between the Markdown files: each leads to a file, and its anchor to a heading.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files::{File, resolved, slashed};
use crate::tidy::Finding;

/// Checks the relative links of every Markdown file. Addresses on the web are left alone: whether
/// they answer is not a property of this repository.
pub(crate) fn check(root: &Path, files: &[File]) -> Vec<Finding> {
    let pages: BTreeMap<&str, &File> = files
        .iter()
        .filter(|file| file.extension() == "md" && !file.is_recorded())
        .map(|file| (file.path.as_str(), file))
        .collect();

    let mut findings = Vec::new();
    for (path, page) in &pages {
        for link in links(&page.text) {
            let there = |target: &str| {
                pages.get(target).map_or_else(
                    || {
                        if root.join(target).exists() {
                            Target::Other
                        } else {
                            Target::Missing
                        }
                    },
                    |page| Target::Page(&page.text),
                )
            };
            if let Some(wrong) = judge(path, &link, there) {
                findings.push(Finding::at(path, link.line, wrong));
            }
        }
    }
    findings
}

/// What a link leads to.
enum Target<'a> {
    Page(&'a str),
    Other,
    Missing,
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    line: usize,
    target: String,
}

/// What is wrong with a link on the page `from`, if anything.
fn judge<'a>(from: &str, link: &Link, there: impl Fn(&str) -> Target<'a>) -> Option<String> {
    let target = link.target.as_str();
    // A path with `::` names a Rust item on a page that is also rustdoc's, and rustdoc checks it.
    if target.contains("://") || target.starts_with("mailto:") || target.contains("::") {
        return None;
    }
    if target.starts_with('/') {
        return Some(format!("the link `{target}` is absolute; make it relative"));
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let full = if path.is_empty() {
        from.to_owned()
    } else {
        let Some(full) = resolved(&format!("{folder}/{path}")) else {
            return Some(format!("the link `{target}` leaves the repository"));
        };
        slashed(&full)
    };
    match (there(&full), anchor) {
        (Target::Missing, _) => Some(format!(
            "the link `{target}` leads nowhere; there is no {full}"
        )),
        (Target::Page(text), Some(anchor)) if !has_anchor(text, anchor) => Some(format!(
            "the link `{target}` leads nowhere; {full} has no heading for `#{anchor}`"
        )),
        _ => None,
    }
}

/// Every link of a page: `[text](target)` and `[label]: target`, but not what is code.
fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, text) in prose(text) {
        let text = without_code_spans(text);
        let mut push = |target: &str| {
            let target = target.trim().trim_start_matches('<');
            let target = target.split(['>', ' ', '\t']).next().unwrap_or_default();
            if !target.is_empty() {
                links.push(Link {
                    line,
                    target: target.to_owned(),
                });
            }
        };
        if let Some(target) = definition(&text) {
            push(target);
            continue;
        }
        let mut rest = text.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            push(&rest[..closing_parenthesis(rest)]);
        }
    }
    links
}

/// The target of a line like `[label]: target`.
fn definition(line: &str) -> Option<&str> {
    let (label, target) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    (!label.is_empty() && !label.starts_with('^') && !label.contains(']')).then_some(target)
}

/// Where the parenthesis closes that was open before the first character.
fn closing_parenthesis(text: &str) -> usize {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, None) => return Some((index + 1, line)),
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
        }
        None
    })
}

/// The line with the text between backticks taken out.
fn without_code_spans(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let fence = &rest[start..start + ticks];
        let Some(length) = rest[start + ticks..].find(fence) else {
            break;
        };
        kept.push_str(&rest[..start]);
        rest = &rest[start + ticks + length + ticks..];
    }
    kept + rest
}

/// Whether a page has the anchor, by a heading or by an `id` written in HTML.
fn has_anchor(page: &str, anchor: &str) -> bool {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in prose(page) {
        if line.contains(&format!("id=\"{anchor}\"")) {
            return true;
        }
        let level = line.len() - line.trim_start_matches('#').len();
        if level == 0 || level > 6 || !line[level..].starts_with(' ') {
            continue;
        }
        let slug = slug(line[level..].trim());
        // The second heading of a name is reached with `-1`, the third with `-2`.
        let count = seen.entry(slug.clone()).or_default();
        let own = match *count {
            0 => slug,
            count => format!("{slug}-{count}"),
        };
        *count += 1;
        if own == anchor {
            return true;
        }
    }
    false
}

/// The anchor that code hosts give a heading.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        links(text).into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn links_are_found_in_both_forms_and_not_in_code() {
        let page = "\
see [a](a.md) and [b](<b.md> \"title\"), `[c](c.md)`\n\
```text\n[d](d.md)\n```\n\
[e]: e.md\n\
![f](f_(1).png)\n";
        assert_eq!(targets(page), ["a.md", "b.md", "e.md", "f_(1).png"]);
    }

    #[test]
    fn a_link_knows_its_line() {
        assert_eq!(links("\n\n[a](a.md)")[0].line, 3);
    }

    #[track_caller]
    fn check_judge(from: &str, target: &str, want: Option<&str>) {
        let link = Link {
            line: 1,
            target: target.to_owned(),
        };
        let got = judge(from, &link, |path| match path {
            "docs/page.md" => Target::Page("# The one `x`\n\n## Part\n## Part\n"),
            "LICENSE-MIT" => Target::Other,
            _ => Target::Missing,
        });
        match (got, want) {
            (None, None) => {}
            (Some(got), Some(want)) if got.contains(want) => {}
            (got, want) => panic!("{target}: got {got:?}, want {want:?}"),
        }
    }

    #[test]
    fn links_are_judged_by_what_they_lead_to() {
        check_judge("docs/page.md", "#part", None);
        check_judge("docs/page.md", "#part-1", None);
        check_judge("docs/page.md", "#part-2", Some("no heading"));
        check_judge("docs/page.md", "../LICENSE-MIT", None);
        check_judge("docs/page.md", "missing.md", Some("no docs/missing.md"));
        check_judge("docs/page.md", "../../x.md", Some("leaves the repository"));
        check_judge("README.md", "docs/page.md#the-one-x", None);
        check_judge("README.md", "/docs/page.md", Some("absolute"));
        check_judge("README.md", "https://example.com/x", None);
        check_judge("README.md", "crate::Thing", None);
    }
}
