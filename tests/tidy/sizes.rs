//! Rule: a file, a function, a line and a nest of blocks each fit into one look.

use syn::visit::{self, Visit};

use crate::Violation;
use crate::tree::Source;

/// Without its `#[cfg(test)]` modules.
const FILE_LINES: usize = 300;
/// From `fn` to the closing brace.
const FUNCTION_LINES: usize = 60;
const LINE_COLUMNS: usize = 120;
/// Blocks of `if`, `match`, `for`, `while` and `loop`; a `match` and its arms are one level, and so is an `else if`.
const NESTING: usize = 4;

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(source.text.lines().enumerate().filter_map(|(index, line)| {
        let columns = line.chars().count();
        let what = || format!("has {columns} columns; a line has at most {LINE_COLUMNS}");
        (columns > LINE_COLUMNS).then(|| Violation::new(&source.path, index + 1, what()))
    }));
    let mut measure = Measure {
        path: &source.path,
        depth: 0,
        test_lines: 0,
        found,
    };
    measure.visit_file(&source.syntax);
    let lines = source.text.lines().count() - measure.test_lines;
    let mut found = measure.found;
    if lines > FILE_LINES {
        let what =
            format!("has {lines} lines without its test modules; a file has at most {FILE_LINES}");
        found.push(Violation::new(&source.path, 0, what));
    }
    found
}

struct Measure<'a> {
    path: &'a str,
    /// How many control-flow blocks stand around the expression that is visited.
    depth: usize,
    test_lines: usize,
    found: Vec<Violation>,
}

impl Measure<'_> {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line - first + 1;
        if lines > FUNCTION_LINES {
            let what = format!(
                "`{}` has {lines} lines; a function has at most {FUNCTION_LINES}",
                signature.ident
            );
            self.found.push(Violation::new(self.path, first, what));
        }
        let outer = std::mem::take(&mut self.depth);
        self.visit_block(body);
        self.depth = outer;
    }

    fn nested(&mut self, line: usize, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        // Said once, where the limit is passed, and not again for what is deeper still.
        if self.depth == NESTING + 1 {
            let what = format!(
                "is block {} in a nest of blocks; {NESTING} are enough: name the inner ones",
                self.depth
            );
            self.found.push(Violation::new(self.path, line, what));
        }
        visit(self);
        self.depth -= 1;
    }
}

impl<'ast> Visit<'ast> for Measure<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if let (Some((brace, _)), Some(first)) = (&item.content, item.attrs.first())
            && item.attrs.iter().any(is_cfg_test)
        {
            self.test_lines +=
                brace.span.close().end().line - first.pound_token.span.start().line + 1;
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        let line = expression.if_token.span.start().line;
        self.visit_expr(&expression.cond);
        self.nested(line, |inner| inner.visit_block(&expression.then_branch));
        match expression.else_branch.as_ref().map(|(_, branch)| &**branch) {
            Some(syn::Expr::If(chained)) => self.visit_expr_if(chained),
            Some(branch) => self.nested(line, |inner| inner.visit_expr(branch)),
            None => {}
        }
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        self.visit_expr(&expression.expr);
        let line = expression.match_token.span.start().line;
        self.nested(line, |inner| {
            expression.arms.iter().for_each(|arm| inner.visit_arm(arm));
        });
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.nested(expression.for_token.span.start().line, |inner| {
            inner.visit_block(&expression.body);
        });
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.visit_expr(&expression.cond);
        self.nested(expression.while_token.span.start().line, |inner| {
            inner.visit_block(&expression.body);
        });
    }

    fn visit_expr_loop(&mut self, expression: &'ast syn::ExprLoop) {
        self.nested(expression.loop_token.span.start().line, |inner| {
            inner.visit_block(&expression.body);
        });
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|condition| condition.is_ident("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check(&Source::snippet("src/a.rs", text))
            .into_iter()
            .map(|violation| violation.what)
            .collect()
    }

    #[track_caller]
    fn limit_is_kept(at_limit: &str, beyond: &str, word: &str) {
        assert_eq!(found(at_limit), [] as [&str; 0], "at the limit");
        let found = found(beyond);
        assert!(
            found.len() == 1 && found[0].contains(word),
            "one line beyond: {found:?}"
        );
    }

    #[test]
    fn a_file_is_measured_without_its_test_modules() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(500));
        let file = |lines| format!("{}{tests}", "\n".repeat(lines));
        limit_is_kept(
            &file(FILE_LINES),
            &file(FILE_LINES + 1),
            "a file has at most",
        );
    }

    #[test]
    fn a_function_is_measured_from_its_first_word_to_its_brace() {
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "\n".repeat(lines - 2));
        limit_is_kept(
            &function(FUNCTION_LINES),
            &function(FUNCTION_LINES + 1),
            "a function has at most",
        );
        let method = |lines| format!("impl A {{\n{}}}\n", function(lines));
        limit_is_kept(
            &method(FUNCTION_LINES),
            &method(FUNCTION_LINES + 1),
            "a function has at most",
        );
        let provided = |lines| format!("trait A {{\n{}}}\n", function(lines));
        limit_is_kept(
            &provided(FUNCTION_LINES),
            &provided(FUNCTION_LINES + 1),
            "a function has at most",
        );
    }

    #[test]
    fn a_line_is_measured_in_characters() {
        let line = |columns: usize| format!("// {}\n", "é".repeat(columns - 3));
        limit_is_kept(
            &line(LINE_COLUMNS),
            &line(LINE_COLUMNS + 1),
            "a line has at most",
        );
    }

    #[test]
    fn blocks_nest_four_deep_at_most() {
        let four = "loop { while a { for b in c { match d { _ => e() } } } }";
        limit_is_kept(
            &format!("fn f() {{ {four} }}"),
            &format!("fn f() {{ if a {{ {four} }} }}"),
            "block 5",
        );
        let in_else = format!("fn f() {{ if a {{}} else {{ {four} }} }}");
        assert_eq!(found(&in_else).len(), 1);
        let in_closure = format!("fn f() {{ if a {{ g(|| {four}); }} }}");
        assert_eq!(found(&in_closure).len(), 1);
    }

    #[test]
    fn a_chain_of_else_if_is_one_level_and_a_function_inside_starts_anew() {
        assert_eq!(
            found("fn f() { if a {} else if b {} else if c {} else if d {} else if e {} else {} }")
                .len(),
            0
        );
        assert_eq!(
            found("fn f() { loop { loop { loop { fn g() { loop { loop {} } } } } } }").len(),
            0
        );
    }
}
