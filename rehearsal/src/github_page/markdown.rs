//! Markdown as GitHub shows it in comments: its dialect first, and of the HTML that comes of it what GitHub lets pass.
//!
//! Left out are links of mentions and of `#12`, emoji by name, footnotes, mathematics, and the colours of languages
//! other than `diff`. Pictures are left out too, so that a page asks nothing of the network: their description stays.
//! The dialect: <https://github.github.com/gfm/>, alerts:
//! <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#alerts>

use ammonia::{Builder, UrlRelative};
use comrak::adapters::CodefenceRendererAdapter;
use comrak::nodes::Sourcepos;
use comrak::options::Plugins;
use comrak::{Options, markdown_to_html_with_plugins};
use maud::{Markup, PreEscaped, Render, html};
use std::collections::{HashMap, HashSet};
use std::fmt::{Result, Write};
use std::sync::LazyLock;

/// The elements of comments; others go, and what is in them stays.
const ELEMENTS: &str = "a b blockquote br caption cite code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img \
    input ins kbd li mark ol p pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead tr tt \
    ul var wbr";

/// The attributes that are left to an element.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("a", "href"),
    ("details", "open"),
    ("div", "align"),
    ("img", "alt"),
    ("input", "checked"),
    ("ol", "start"),
    ("p", "align"),
    ("td", "align colspan rowspan"),
    ("th", "align colspan rowspan"),
];

/// The classes that alerts, tasks and differences are drawn by.
const CLASSES: &[(&str, &str)] = &[
    (
        "div",
        "markdown-alert markdown-alert-note markdown-alert-tip markdown-alert-important markdown-alert-warning \
         markdown-alert-caution",
    ),
    ("li", "task-list-item"),
    ("p", "markdown-alert-title"),
    ("span", "diff-added diff-removed diff-changed diff-range diff-remark"),
    ("ul", "contains-task-list"),
];

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let table = |rows: &[(&'static str, &'static str)]| -> HashMap<&str, HashSet<&str>> {
        rows.iter().map(|&(element, values)| (element, values.split_whitespace().collect())).collect()
    };
    let mut sanitizer = Builder::default();
    sanitizer
        .tags(ELEMENTS.split_whitespace().collect())
        .tag_attributes(table(ATTRIBUTES))
        .generic_attributes(HashSet::from(["title"]))
        .allowed_classes(table(CLASSES))
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("nofollow noopener noreferrer"));
    sanitizer
});

/// Turns the Markdown of a comment into HTML that may stand in any page: nothing in it runs, asks the network, or
/// closes what it did not open.
pub fn markdown(text: &str) -> Markup {
    let mut options = Options::default();
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    options.render.gfm_quirks = true;
    // In comments, other than in files, a line ends where its author ended it.
    options.render.hardbreaks = true;
    options.render.tasklist_classes = true;
    options.render.r#unsafe = true;
    let mut plugins = Plugins::default();
    plugins.render.codefence_renderers.insert("diff".to_owned(), &Difference);
    let dirty = markdown_to_html_with_plugins(text, &options, &plugins);
    PreEscaped(SANITIZER.clean(&dirty).to_string())
}

/// Draws `diff` fences: a line's first character says its colour.
struct Difference;

impl CodefenceRendererAdapter for Difference {
    fn write(&self, output: &mut dyn Write, _: &str, _: &str, code: &str, _: Option<Sourcepos>) -> Result {
        let drawn = html! {
            pre { code { @for line in code.lines() { (Line(line)) "\n" } } }
        };
        output.write_str(&drawn.into_string())
    }
}

struct Line<'text>(&'text str);

impl Render for Line<'_> {
    fn render(&self) -> Markup {
        let class = match self.0.as_bytes() {
            [b'+' | b'>', ..] => "diff-added",
            [b'-' | b'<', ..] => "diff-removed",
            [b'!', ..] => "diff-changed",
            [b'@', b'@', ..] => "diff-range",
            [b'#', ..] => "diff-remark",
            _ => return html! { (self.0) },
        };
        html! { span class=(class) { (self.0) } }
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    fn drawn(text: &str) -> String {
        markdown(text).into_string()
    }

    #[test]
    fn nothing_in_a_comment_runs_or_asks_the_network() {
        let drawn = drawn(concat!(
            "<script>alert(1)</script>\n\n",
            "<details><summary>x</summary><script src=//evil.example></script></details>\n\n",
            "<b onclick=run() style=position:fixed class=box id=top>bold</b> <iframe src=https://evil.example></iframe>\n\n",
            "<img src=https://evil.example/a.png onerror=run() alt=badge> ![drawn](https://evil.example/b.png)\n\n",
            "[click](javascript:run) <a href=\"data:text/html,x\">data</a> <form action=/x><input value=y></form>\n\n",
            "<svg onload=run()><style>*{color:red}</style></svg><object data=x></object><link rel=stylesheet href=x>\n",
        ));
        let gone = "<script <iframe <style <svg <object <link <form onclick= onerror= onload= style= src= class= id= \
            javascript: data: value=";
        for gone in gone.split_whitespace() {
            // In text such words do no harm: that is no element and has no attributes.
            assert!(elements(&drawn).iter().all(|element| !element.contains(gone)), "{gone} in {drawn}");
        }
        for kept in ["<b>bold</b>", "alt=\"badge\"", "alt=\"drawn\"", "<summary>x</summary>", "type=\"checkbox\""] {
            assert!(drawn.contains(kept), "no {kept} in {drawn}");
        }
    }

    /// The elements' opening and closing marks, whole.
    fn elements(drawn: &str) -> Vec<&str> {
        drawn.match_indices('<').filter_map(|(at, _)| drawn[at..].split_inclusive('>').next()).collect()
    }

    #[test]
    fn details_stay_and_fold() {
        let folded = drawn("<details><summary><code>+</code> x</summary>\n\n**in** it\n\n</details>\n\nafter");
        assert!(folded.contains("<details><summary><code>+</code> x</summary>"), "{folded}");
        assert!(folded.contains("<strong>in</strong> it</p>\n</details>"), "{folded}");
        assert!(folded.trim_end().ends_with("<p>after</p>"), "{folded}");
        assert!(drawn("<details open><summary>x</summary></details>").contains("<details open"));
    }

    #[test]
    fn tables_keep_their_columns_sides() {
        let table = drawn("| a | b |\n|---|--:|\n| `x \\| y` | 2 |\n");
        assert!(table.contains("<td><code>x | y</code></td>"), "{table}");
        assert!(table.contains("<td align=\"right\">2</td>"), "{table}");
    }

    #[test]
    fn alerts_are_boxes_and_other_quotes_are_not() {
        for (word, class, title) in [
            ("NOTE", "note", "Note"),
            ("TIP", "tip", "Tip"),
            ("IMPORTANT", "important", "Important"),
            ("WARNING", "warning", "Warning"),
            ("CAUTION", "caution", "Caution"),
        ] {
            let alert = drawn(&format!("> [!{word}]\n> **Lost.** Gone."));
            assert!(alert.contains(&format!("<div class=\"markdown-alert markdown-alert-{class}\">")), "{alert}");
            assert!(alert.contains(&format!("<p class=\"markdown-alert-title\">{title}</p>")), "{alert}");
            assert!(alert.contains("<strong>Lost.</strong> Gone."), "{alert}");
        }
        assert!(drawn("> [!DANGER]\n> x").contains("<blockquote>"));
    }

    #[test]
    fn differences_are_coloured_line_by_line() {
        let code = drawn("```diff\n+ a = \"<b>\"\n- b\n! c -> d\n@@ e @@\n# f\n  g\n\n+h\n```");
        assert_eq!(
            code,
            concat!(
                "<pre><code><span class=\"diff-added\">+ a = \"&lt;b&gt;\"</span>\n",
                "<span class=\"diff-removed\">- b</span>\n<span class=\"diff-changed\">! c -&gt; d</span>\n",
                "<span class=\"diff-range\">@@ e @@</span>\n<span class=\"diff-remark\"># f</span>\n  g\n\n",
                "<span class=\"diff-added\">+h</span>\n</code></pre>",
            )
        );
    }

    #[test]
    fn markers_are_invisible() {
        let shown = drawn("<!-- lockgate:plan of=a -->\n## Plan <!-- b --> of\n\nx <!-- c\nd --> y\n");
        assert!(!shown.contains("<!--") && !shown.contains("lockgate") && !shown.contains("-->"), "{shown}");
        assert!(shown.contains("<h2>Plan  of</h2>"), "{shown}");
    }

    #[test]
    fn code_is_text() {
        assert_eq!(drawn("`<b>&amp;</b>`").trim(), "<p><code>&lt;b&gt;&amp;amp;&lt;/b&gt;</code></p>");
        let code = drawn("```toml\n<script>\n```");
        assert!(code.contains("&lt;script&gt;"), "{code}");
    }

    #[test]
    fn lines_and_links_are_those_of_comments() {
        assert_eq!(drawn("a\nb").trim(), "<p>a<br>\nb</p>");
        let link = drawn("https://example.org/x and ~~old~~");
        assert!(link.contains("href=\"https://example.org/x\"") && link.contains("<del>old</del>"), "{link}");
        let tasks = drawn("- [x] done\n- [ ] open\n");
        assert_eq!(tasks.matches("type=\"checkbox\"").count(), 2, "{tasks}");
        assert_eq!(tasks.matches("checked").count(), 1, "{tasks}");
    }
}
