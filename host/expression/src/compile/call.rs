//! Calls: functions, comprehensions, and what looks like them.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::{Compiled, Compiler, Typed, constant_value, did_you_mean, folded};
use crate::error::{CompileError, with_article};
use crate::functions::regex::Search;
use crate::functions::{self, Function, Style, net, ordinal, regex, time};
use crate::kinds::Kinds;
use crate::names::nearest;
use crate::node::{Each, Macro, Node};
use crate::value::Value;

/// What is called like a function and isn't one, for "did you mean".
const SPECIAL: &[&str] = &["has", "coalesce", "get", "all", "exists", "exists_one", "map", "filter"];

impl Compiler<'_> {
    pub(super) fn call(&mut self, call: &CallExpr, id: u64) -> Compiled {
        let name = call.func_name.trim_start_matches('.');
        let Some(target) = call.target.as_deref() else {
            return match (name, call.args.as_slice()) {
                ("has", [IdedExpr { expr: Expr::Select(select), id }]) => self.has(select, *id),
                ("has", _) => {
                    Err(self.error("`has` takes a selection, like `has(variables.a)`", self.function_place(id)))
                }
                ("coalesce", arguments) if !arguments.is_empty() => self.coalesce(arguments),
                ("coalesce", _) => Err(self.error("`coalesce` takes at least 1 argument", self.function_place(id))),
                ("get", [map, key, default]) => self.get(map, key, default),
                ("get", _) => Err(self.error("`get` takes a map, a key and a default", self.function_place(id))),
                (_, operands) => match self.operator(name, operands, id) {
                    Some(compiled) => compiled,
                    None => self.function(name, None, operands, id),
                },
            };
        };
        if let Some(qualified) = self.qualified(target, name) {
            return self.function(&qualified, None, &call.args, id);
        }
        if let Some(macro_) = Macro::named(name)
            && (call.args.len() == 2 || (macro_ == Macro::Map && call.args.len() == 3))
        {
            return self.each(macro_, target, &call.args);
        }
        if let ("get", [key, default]) = (name, call.args.as_slice()) {
            return self.get(target, key, default);
        }
        if let Some(object) = self.object(target)
            && object.member(name).is_some()
        {
            let message = format!("`{}.{name}` is no function: it is written without `()`", object.name);
            return Err(self.error(&message, self.function_place(id)));
        }
        self.function(name, Some(target), &call.args, id)
    }

    fn error(&self, message: &str, offset: usize) -> CompileError {
        CompileError::new(message, offset)
    }

    /// `base64.encode`: the name of a function of a group, if `target` names a group.
    fn qualified(&self, target: &IdedExpr, name: &str) -> Option<String> {
        let Expr::Ident(group) = &target.expr else { return None };
        let group = group.trim_start_matches('.');
        if self.local(group).is_some() {
            return None;
        }
        let is_group = |function: &Function| function.name.split_once('.').is_some_and(|(first, _)| first == group);
        functions::all().any(is_group).then(|| format!("{group}.{name}"))
    }

    fn function(&mut self, name: &str, target: Option<&IdedExpr>, arguments: &[IdedExpr], id: u64) -> Compiled {
        let place = self.function_place(id);
        let function = functions::named(name).ok_or_else(|| self.unknown_function(name, target.is_some(), place))?;
        self.check_style(function, target.is_some(), place)?;
        let given: Vec<&IdedExpr> = target.into_iter().chain(arguments).collect();
        self.check_count(function, given.len(), usize::from(target.is_some()), place)?;
        let mut nodes = Vec::with_capacity(given.len());
        for (number, tree) in given.iter().enumerate() {
            let argument = self.expression(tree)?;
            if !function.takes_at(number).is_some_and(|takes| takes.meets(argument.kinds)) {
                let found = with_article(argument.kinds.for_message());
                let which = ordinal(number);
                let message = match target {
                    Some(_) if number == 0 => format!("{found} has no function `{name}`"),
                    _ => format!("`{name}` doesn't take {found} as its {which} argument"),
                };
                return Err(self.error(&message, self.start(tree)));
            }
            self.check_literal(function, number, &argument, self.start(tree))?;
            nodes.push(argument.node);
        }
        if let Some(search) = Search::named(function.name) {
            return self.search(search, function, nodes, given.get(1).map_or(place, |tree| self.start(tree)));
        }
        let node = Node::Call(function, nodes.into_boxed_slice());
        match constant_value(&node) {
            Some(Ok(value)) => Ok(Typed::constant(value)),
            Some(Err(error)) if !error.is_final() => Err(self.error(&error.to_string(), place)),
            _ => Ok(Typed::new(node, function.gives)),
        }
    }

    fn unknown_function(&self, name: &str, member: bool, offset: usize) -> CompileError {
        let names = functions::all().filter(|function| match function.style {
            Style::Global => !member,
            Style::Member => member,
            Style::Both => true,
        });
        let names = names.map(|function| function.name).chain(SPECIAL.iter().copied());
        let hint = did_you_mean(nearest(name, names).map(str::to_owned));
        // What the parser calls operators that it reads and this language doesn't have.
        if name.starts_with('_') && name.contains('?') {
            return CompileError::new("there are no optional selections; `get` and `coalesce` give defaults", offset);
        }
        CompileError::new(format!("there is no function `{name}`{hint}"), offset)
    }

    fn check_style(&self, function: &Function, member: bool, offset: usize) -> Result<(), CompileError> {
        let name = function.name;
        match (function.style, member) {
            (Style::Global, true) => {
                Err(CompileError::new(format!("`{name}` is written around its value: `{name}(x)`"), offset))
            }
            (Style::Member, false) => {
                Err(CompileError::new(format!("`{name}` is written after its value: `x.{name}(…)`"), offset))
            }
            _ => Ok(()),
        }
    }

    /// `before` of the arguments stand before the function's name and aren't counted in the message.
    fn check_count(&self, function: &Function, given: usize, before: usize, offset: usize) -> Result<(), CompileError> {
        let (least, most) = (function.required, function.takes.len());
        if given >= least && (given <= most || function.repeats) {
            return Ok(());
        }
        let (least, most, given) = (least - before, most - before, given - before);
        let wanted = match (least, most) {
            _ if function.repeats => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let noun = if wanted == "1" { "argument" } else { "arguments" };
        Err(CompileError::new(format!("`{}` takes {wanted} {noun}, and got {given}", function.name), offset))
    }

    /// Networks and time zones that stand in the source.
    fn check_literal(
        &self,
        function: &Function,
        number: usize,
        argument: &Typed,
        offset: usize,
    ) -> Result<(), CompileError> {
        let Some(Value::String(text)) = argument.as_constant() else { return Ok(()) };
        let zone_at = match function.name {
            "format" => 2,
            name if name.starts_with("get") => 1,
            _ => usize::MAX,
        };
        if function.name == "inCidr" && number == 1 && net::network(text).is_none() {
            return Err(CompileError::new("the text is no network, like `10.0.0.0/8`", offset));
        }
        if function.name == "format" && number == 1 && !time::is_format(text) {
            return Err(CompileError::new("the format isn't one of strftime, like `%Y-%m-%d`", offset));
        }
        if number == zone_at && time::zone(text).is_none() {
            return Err(CompileError::new("there is no such time zone; `Europe/Zurich` and `+02:00` are some", offset));
        }
        Ok(())
    }

    /// A search; its pattern is compiled here if it stands in the source.
    fn search(&self, search: Search, function: &'static Function, nodes: Vec<Node>, offset: usize) -> Compiled {
        let mut nodes = nodes.into_iter();
        let compiled = match (nodes.next(), nodes.next(), nodes.next()) {
            (Some(text), Some(Node::Constant(Value::String(pattern))), replacement) => {
                let pattern = regex::compile(&pattern).map_err(|problem| CompileError::new(problem, offset))?;
                let (text, replacement) = (Box::new(text), replacement.map(Box::new));
                Node::Search { search, pattern: Arc::new(pattern), text, replacement }
            }
            (text, pattern, replacement) => {
                Node::Call(function, [text, pattern, replacement].into_iter().flatten().collect())
            }
        };
        Ok(folded(Typed::new(compiled, function.gives)))
    }

    fn coalesce(&mut self, arguments: &[IdedExpr]) -> Compiled {
        let mut kinds = Kinds::NULL;
        let mut nodes = Vec::with_capacity(arguments.len());
        for (number, argument) in arguments.iter().enumerate() {
            let argument = self.expression(argument)?;
            // A value that is there for certain ends it.
            let certain = argument.as_constant().is_some_and(|value| !value.is_null());
            let last = certain && number + 1 == arguments.len();
            let may_fall_through = if last { Kinds::NOTHING } else { Kinds::NULL };
            kinds = if last { without_null(kinds) } else { kinds } | argument.kinds | may_fall_through;
            nodes.push(argument.node);
        }
        Ok(Typed::new(Node::Coalesce(nodes.into_boxed_slice()), kinds))
    }

    fn get(&mut self, map: &IdedExpr, key: &IdedExpr, default: &IdedExpr) -> Compiled {
        let parts = [self.expression(map)?, self.expression(key)?, self.expression(default)?];
        if !parts[0].kinds.meets(Kinds::MAP | Kinds::NULL) {
            let found = with_article(parts[0].kinds.for_message());
            return Err(CompileError::new(format!("`get` looks into a map, and not into {found}"), self.start(map)));
        }
        if !parts[1].kinds.meets(Kinds::STRING) {
            let found = with_article(parts[1].kinds.for_message());
            return Err(CompileError::new(format!("a key has to be a string, and is {found}"), self.start(key)));
        }
        Ok(Typed::new(Node::Get(Box::new(parts.map(|part| part.node))), Kinds::ANY))
    }

    /// `range.map(variable, body)` and its like.
    fn each(&mut self, macro_: Macro, range: &IdedExpr, arguments: &[IdedExpr]) -> Compiled {
        let compiled = self.expression(range)?;
        if !compiled.kinds.meets(Kinds::LIST | Kinds::MAP) {
            let found = with_article(compiled.kinds.for_message());
            let message = format!("`{}` goes through a list or a map, and not through {found}", macro_.name());
            return Err(CompileError::new(message, self.start(range)));
        }
        let [variable, filter @ .., body] = arguments else {
            return Err(CompileError::new("a comprehension takes a variable and an expression", self.start(range)));
        };
        let Expr::Ident(name) = &variable.expr else {
            let message = format!("the first argument of `{}` is a name", macro_.name());
            return Err(CompileError::new(message, self.start(variable)));
        };
        self.locals.push(name.clone());
        let parts = self.parts_of_each(macro_, filter.first(), body);
        self.locals.pop();
        let (filter, body) = parts?;
        let kinds = if matches!(macro_, Macro::Map | Macro::Filter) { Kinds::LIST } else { Kinds::BOOL };
        Ok(Typed::new(Node::Each(Box::new(Each { macro_, range: compiled.node, filter, body })), kinds))
    }

    fn parts_of_each(
        &mut self,
        macro_: Macro,
        filter: Option<&IdedExpr>,
        body: &IdedExpr,
    ) -> Result<(Option<Node>, Node), CompileError> {
        let what = format!("the condition of `{}`", macro_.name());
        let filter = filter.map(|filter| self.condition(filter, &what)).transpose()?;
        let body = match macro_ {
            Macro::Map => self.expression(body)?.node,
            _ => self.condition(body, &what)?,
        };
        Ok((filter, body))
    }
}

fn without_null(kinds: Kinds) -> Kinds {
    kinds.each().filter(|kind| *kind != Kinds::NULL).fold(Kinds::NOTHING, Kinds::or)
}
