//! Where a part stands in the source, for the errors about it.

use cel::common::ast::{Expr, IdedExpr};

use super::Compiler;

impl Compiler<'_> {
    /// The sign that the parser notes for a part: of a call its `(`, of a selection its `.`, else its first.
    pub(super) fn place(&self, id: u64) -> usize {
        let place = self.info.offset_for(id).and_then(|(start, _)| usize::try_from(start).ok()).unwrap_or(0);
        place.min(self.source.len())
    }

    /// The field of a selection.
    pub(super) fn field_place(&self, id: u64) -> usize {
        let dot = self.place(id);
        let after = self.source.get(dot + 1..).unwrap_or_default();
        (dot + 1 + after.len() - after.trim_start().len()).min(self.source.len())
    }

    /// The name of a call.
    pub(super) fn function_place(&self, id: u64) -> usize {
        let before = self.source.get(..self.place(id)).unwrap_or_default().trim_end();
        before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |last| last + 1).min(before.len())
    }

    /// The first sign of a part.
    pub(super) fn start(&self, tree: &IdedExpr) -> usize {
        match &tree.expr {
            Expr::Select(select) => self.start(&select.operand),
            Expr::Call(call) => match (&call.target, call.func_name.as_str(), call.args.first()) {
                (Some(target), ..) => self.start(target),
                (None, "!_" | "-_", _) => self.place(tree.id),
                (None, name, Some(first)) if name.starts_with(['_', '@']) && name.ends_with(['_', ']', 'n']) => {
                    self.start(first)
                }
                _ => self.function_place(tree.id),
            },
            _ => self.place(tree.id),
        }
    }
}
