//! Rules on Rust sources: what each file opens with, how long files and functions are, what may not
//! be left behind, and how tests wait. Code is read as syntax; words in strings and comments are free.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::{File, Repo, Rule, Violation};

/// Most lines of code in one file, comments and blank lines aside: prose is never a reason to split.
const FILE_LINES_MAX: usize = 500;

/// Most lines of one function, from `fn` to its closing brace: what fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;

static PARSES: Rule = Rule { id: "rust", why: "tidy cannot read this file", fix: "make it parse" };

static HEADER: Rule = Rule {
    id: "file-header",
    why: "a reader should know from the first line what a file is for, and what it does not do",
    fix: "open the file with `//!`",
};

static FILE_LENGTH: Rule = Rule {
    id: "file-length",
    why: "a file is read in one go, or it is several files",
    fix: "split it by meaning, and move its tests to a `tests.rs` beside it",
};

static FUNCTION_LENGTH: Rule = Rule {
    id: "function-length",
    why: "a function that does not fit on a screen has parts that want names",
    fix: "name the parts",
};

static UNFINISHED: Rule = Rule {
    id: "unfinished",
    why: "what is merged is finished; a test that does not run protects nothing",
    fix: "finish it, or take it out",
};

static ALLOW: Rule = Rule {
    id: "allow",
    why: "an `allow` stays when its cause has gone, and says no reason",
    fix: "write `#[expect(lint, reason = \"…\")]`, or mend what the lint found",
};

static SLEEP: Rule = Rule {
    id: "bare-sleep",
    why: "a test that sleeps is slow when it need not be and fails when the machine is busy",
    fix: "wait on the value with a deadline: a channel with a timeout, or a polling loop that ends",
};

pub(super) fn check(repo: &Repo) -> Vec<Violation> {
    repo.files.iter().filter(|f| f.is_rust()).flat_map(check_file).collect()
}

/// Whether the whole file is test code.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("tests/")
}

/// Whether an item is compiled for tests only.
pub(super) fn is_cfg_test(attrs: &[syn::Attribute]) -> bool {
    attrs
        .iter()
        .any(|a| a.path().is_ident("cfg") && matches!(&a.meta, syn::Meta::List(list) if list.tokens.to_string() == "test"))
}

fn check_file(file: &File) -> Vec<Violation> {
    let mut broken = Vec::new();
    if !file.text.starts_with("//!") {
        broken.push(file.broken(&HEADER, 1, "the file does not say what it is for"));
    }
    let code = file.lines().filter(|(_, l)| !matches!(l.trim_start(), l if l.is_empty() || l.starts_with("//"))).count();
    if code > FILE_LINES_MAX && !is_test_file(&file.path) {
        broken.push(file.broken(&FILE_LENGTH, 1, format!("{code} lines of code; the bound is {FILE_LINES_MAX}")));
    }
    match syn::parse_file(&file.text) {
        Ok(parsed) => {
            let mut finder = Finder { file, broken, tests: is_test_file(&file.path), loops: 0 };
            finder.visit_file(&parsed);
            broken = finder.broken;
        }
        Err(e) => broken.push(file.broken(&PARSES, e.span().start().line, e.to_string())),
    }
    if let Ok(tokens) = file.text.parse() {
        check_tokens(file, tokens, &mut broken);
    }
    broken
}

/// Finds long functions, and sleeps in tests that are not part of a polling loop.
struct Finder<'a> {
    file: &'a File,
    broken: Vec<Violation>,
    tests: bool,
    loops: usize,
}

impl Finder<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let found = format!("`{}` has {lines} lines; the bound is {FUNCTION_LINES_MAX}", signature.ident);
            self.broken.push(self.file.broken(&FUNCTION_LENGTH, first, found));
        }
    }

    fn sleep(&mut self, line: usize) {
        if self.tests && self.loops == 0 {
            self.broken.push(self.file.broken(&SLEEP, line, "a sleep outside a polling loop"));
        }
    }

    fn in_tests(&mut self, attrs: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.tests;
        self.tests |= is_cfg_test(attrs) || attrs.iter().any(|a| a.path().segments.last().is_some_and(|s| s.ident == "test"));
        visit(self);
        self.tests = before;
    }

    fn in_loop(&mut self, visit: impl FnOnce(&mut Self)) {
        self.loops += 1;
        visit(self);
        self.loops -= 1;
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.in_tests(&item.attrs, |f| visit::visit_item_mod(f, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        self.in_tests(&item.attrs, |f| visit::visit_item_fn(f, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_loop(&mut self, expr: &'ast syn::ExprLoop) {
        self.in_loop(|f| visit::visit_expr_loop(f, expr));
    }

    fn visit_expr_while(&mut self, expr: &'ast syn::ExprWhile) {
        self.in_loop(|f| visit::visit_expr_while(f, expr));
    }

    fn visit_expr_for_loop(&mut self, expr: &'ast syn::ExprForLoop) {
        self.in_loop(|f| visit::visit_expr_for_loop(f, expr));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && path.path.segments.last().is_some_and(|s| s.ident == "sleep")
        {
            self.sleep(call.span().start().line);
        }
        visit::visit_expr_call(self, call);
    }

    /// A macro's input is tokens, not syntax: a sleep in it counts wherever it stands.
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let mut lines = Vec::new();
        calls_in(mac.tokens.clone(), "sleep", &mut lines);
        for line in lines {
            self.sleep(line);
        }
    }
}

/// Lines on which `name(…)` stands, at any depth.
fn calls_in(tokens: TokenStream, name: &str, lines: &mut Vec<usize>) {
    let mut before = None;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if group.delimiter() == Delimiter::Parenthesis
                && let Some(line) = before
            {
                lines.push(line);
            }
            calls_in(group.stream(), name, lines);
        }
        before = matches!(&token, TokenTree::Ident(i) if i == name).then(|| token.span().start().line);
    }
}

/// Finds what syntax trees hide inside macros: unfinished code, ignored tests and `allow`.
fn check_tokens(file: &File, tokens: TokenStream, broken: &mut Vec<Violation>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (n, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) if (name == "todo" || name == "unimplemented") && is_punct(tokens.get(n + 1), '!') => {
                broken.push(file.broken(&UNFINISHED, name.span().start().line, format!("`{name}!`")));
            }
            TokenTree::Group(group) => {
                let attribute = group.delimiter() == Delimiter::Bracket
                    && (is_punct(before(&tokens, n, 1), '#')
                        || (is_punct(before(&tokens, n, 1), '!') && is_punct(before(&tokens, n, 2), '#')));
                if attribute {
                    check_attribute(file, group.stream(), broken);
                }
                check_tokens(file, group.stream(), broken);
            }
            _ => {}
        }
    }
}

fn before(tokens: &[TokenTree], n: usize, by: usize) -> Option<&TokenTree> {
    tokens.get(n.checked_sub(by)?)
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

fn check_attribute(file: &File, attribute: TokenStream, broken: &mut Vec<Violation>) {
    let mut lines = Vec::new();
    calls_in(attribute.clone(), "allow", &mut lines);
    for line in lines {
        broken.push(file.broken(&ALLOW, line, "an `allow` attribute"));
    }
    if let Some(TokenTree::Ident(name)) = attribute.into_iter().next()
        && name == "ignore"
    {
        broken.push(file.broken(&UNFINISHED, name.span().start().line, "an ignored test"));
    }
}

#[cfg(test)]
mod tests;
