//! SQL as squawk's parser reads it. Its trees stay on one thread, so what is kept of them is owned.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{Parse, SourceFile, SyntaxKind, SyntaxNode};

/// A text and its tree. The parser goes on after what it does not understand, and finds the next statement.
pub(crate) struct Parsed<'t> {
    pub(crate) text: &'t str,
    pub(crate) parse: Parse<SourceFile>,
}

/// A statement's place in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it begins, in bytes: after the statement before it, so that nothing lies between two pieces.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// The line its first word is on, from 1.
    pub(crate) line: usize,
}

impl<'t> Parsed<'t> {
    /// Parses a text.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, parse: SourceFile::parse(text) }
    }

    /// Returns the statements, without the empty ones.
    pub(crate) fn statements(&self) -> impl Iterator<Item = ast::Stmt> {
        self.parse.tree().stmts().filter(|statement| !matches!(statement, ast::Stmt::EmptyStmt(_)))
    }

    /// Returns the line of a place in the text, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Returns the line of a node's first word.
    pub(crate) fn line_of(&self, node: &SyntaxNode) -> usize {
        self.line(usize::from(node.text_range().start()))
    }

    /// Returns what the parser did not understand: line and its words.
    pub(crate) fn errors(&self) -> Vec<(usize, String)> {
        let place = |at: usize| self.line(at.min(self.text.len()));
        let errors = self.parse.errors();
        errors.iter().map(|e| (place(usize::from(e.range().start())), e.message().to_owned())).collect()
    }

    /// Returns the comments that are not inside of a statement, with their place.
    pub(crate) fn comments(&self) -> Vec<(usize, String)> {
        let tokens = self.parse.syntax_node().descendants_with_tokens().filter_map(|e| e.into_token());
        let comments = tokens.filter(|token| token.kind() == SyntaxKind::COMMENT);
        comments.map(|token| (usize::from(token.text_range().start()), token.text().to_owned())).collect()
    }

    /// Returns the statements' places. They hold the whole text, in order; one piece where it was not understood.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        if self.errors().is_empty() {
            for statement in self.statements() {
                let start = pieces.last().map_or(0, |piece| piece.end);
                let end = usize::from(statement.syntax().text_range().end());
                pieces.push(Piece { start, end, line: self.line_of(statement.syntax()) });
            }
        }
        match pieces.last_mut() {
            Some(last) => last.end = self.text.len(),
            None => pieces.push(Piece { start: 0, end: self.text.len(), line: 1 }),
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_the_whole_text() {
        let text = "-- head\nselect 1;\n/* ; */ select ';';;\n\nselect 3\n-- tail\n";
        let pieces = Parsed::new(text).pieces();
        let parts: Vec<&str> = pieces.iter().map(|p| &text[p.start..p.end]).collect();
        assert_eq!(parts.concat(), text);
        assert_eq!(parts, ["-- head\nselect 1;", "\n/* ; */ select ';';", ";\n\nselect 3\n-- tail\n"]);
        assert_eq!(pieces.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn what_is_not_understood_stays_in_one_piece() {
        let text = "select 1;\nfrobnicate;\nselect 2;\n";
        let parsed = Parsed::new(text);
        assert_eq!(parsed.pieces(), [Piece { start: 0, end: text.len(), line: 1 }]);
        assert_eq!(parsed.errors()[0].0, 2);
    }

    #[test]
    fn comments_in_bodies_are_text() {
        let text = "-- a\ndo $$ begin -- b\n null; end $$;\nselect /* c */ 1;\n";
        let comments: Vec<String> = Parsed::new(text).comments().into_iter().map(|(_, c)| c).collect();
        assert_eq!(comments, ["-- a", "/* c */"]);
    }
}
