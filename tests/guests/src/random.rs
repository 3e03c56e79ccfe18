//! Guests nobody has thought of: valid functions of random instructions, which call each other and the host.

use std::fmt::Write;

/// Functions of one guest.
const FUNCTIONS: u32 = 6;

/// Numbers that are enough alike chance, and the same for the same seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as u32 % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u32) as usize]
    }
}

/// The text of the guest with this seed, to be finished by the prelude.
pub(crate) fn text(seed: u64) -> String {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = String::from(
        ";; Does whatever chance has it do.\n;;! phases: on-request\n\
         (import \"@messages\" \"[method]request.path\" (func $path (param i32 i32)))\n\
         (import \"@messages\" \"[method]request.header\" (func $header (param i32 i32 i32 i32)))\n\
         (import \"@messages\" \"[method]request.set-header\" (func $set-header (param i32 i32 i32 i32 i32 i32)))\n\
         (import \"@variables\" \"set\" (func $set (param i32 i32 i32 i32 i32)))\n\
         (global $request (mut i32) (i32.const 0))\n(type $f (func (param i32 i32) (result i32)))\n(table 8 funcref)\n",
    );
    let elements: String = (0..FUNCTIONS).map(|number| format!(" $f{number}")).collect();
    let _ = writeln!(text, "(elem (i32.const 0){elements})");
    for number in 0..FUNCTIONS {
        let statements = 2 + chance.below(8);
        let body: String = (0..statements).map(|_| statement(&mut chance, 3)).collect();
        let result = value(&mut chance, 3);
        let _ = writeln!(text, "(func $f{number} (param i32 i32) (result i32) (local i32 i32)\n{body}{result})");
    }
    let arguments = (chance.below(u32::MAX), chance.below(u32::MAX));
    let drop = if chance.below(4) == 0 { "" } else { "(call $drop-request (local.get $request))" };
    let _ = writeln!(
        text,
        "(func (export \"@on-request\") (param $request i32) (result i32)\n(global.set $request (local.get $request))\n\
         (drop (call $f0 (i32.const {}) (i32.const {})))\n{drop}\n(call $next))",
        arguments.0 as i32, arguments.1 as i32
    );
    text
}

/// An instruction, with what it takes, that leaves an `i32`.
fn value(chance: &mut Chance, depth: u32) -> String {
    if depth == 0 {
        return match chance.below(4) {
            0 => format!("(i32.const {})\n", chance.below(u32::MAX) as i32),
            1 => format!("(i32.const {})\n", chance.below(70_000)),
            2 => "(global.get $request)\n".to_owned(),
            _ => format!("(local.get {})\n", chance.below(4)),
        };
    }
    let one = |chance: &mut Chance| value(chance, depth - 1);
    let (a, b) = (one(chance), one(chance));
    match chance.below(9) {
        0 | 1 => {
            let binary =
                ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "rotl", "lt_s", "eq", "div_s", "rem_u"];
            format!("(i32.{} {a} {b})\n", chance.one_of(&binary))
        }
        2 => format!("(i32.{} {a})\n", chance.one_of(&["clz", "ctz", "popcnt", "eqz", "extend8_s"])),
        3 => format!("({} {})\n", chance.one_of(&["i32.load", "i32.load8_u", "i32.load16_s"]), masked(chance, &a)),
        4 => format!("(i32.wrap_i64 (i64.mul (i64.extend_i32_u {a}) (i64.extend_i32_s {b})))\n"),
        5 => format!("(i32.trunc_sat_f64_s (f64.div (f64.convert_i32_s {a}) (f64.convert_i32_u {b})))\n"),
        6 => format!("(select {a} {b} (local.get {}))\n", chance.below(4)),
        7 if chance.below(3) == 0 => {
            format!("(call_indirect (type $f) {a} {b} (i32.and (local.get 0) (i32.const 7)))\n")
        }
        7 => format!("(call $f{} {a} {b})\n", chance.below(FUNCTIONS)),
        _ => format!("(memory.grow (i32.and {a} (i32.const {})))\n", chance.one_of(&["1", "7", "-1"])),
    }
}

/// Mostly an address within the memory that there is at first.
fn masked(chance: &mut Chance, address: &str) -> String {
    if chance.below(16) == 0 { address.to_owned() } else { format!("(i32.and {address} (i32.const 0x1ffe0))") }
}

/// An instruction, with what it takes, that leaves nothing.
fn statement(chance: &mut Chance, depth: u32) -> String {
    let a = value(chance, depth.min(2));
    let at = masked(chance, &a);
    let b = value(chance, depth.min(2));
    match chance.below(if depth == 0 { 6 } else { 9 }) {
        0 | 1 => format!("(local.set {} {b})\n", chance.below(4)),
        2 => format!("({} {at} {b})\n", chance.one_of(&["i32.store", "i32.store8", "i32.store16"])),
        3 => format!("({} {at} {b} (local.get 1))\n", chance.one_of(&["memory.fill", "memory.copy"])),
        4 => match chance.below(4) {
            0 => format!("(call $path (global.get $request) {at})\n"),
            1 => format!("(call $header (global.get $request) {at} {b} (i32.const 128))\n"),
            2 => format!("(call $set-header (global.get $request) {at} (i32.const 4) {at} {b} (i32.const 128))\n"),
            _ => format!("(call $set {at} (i32.const 4) {at} {b} (i32.const 128))\n"),
        },
        5 => format!("(drop {b})\n"),
        6 => format!("(if {a} (then {}) (else {}))\n", statement(chance, depth - 1), statement(chance, depth - 1)),
        7 => format!("(loop $l{depth} {} (br_if $l{depth} {b}))\n", statement(chance, depth - 1)),
        _ if chance.below(8) == 0 => "unreachable\n".to_owned(),
        _ => format!("(block $b{depth} (br_if $b{depth} {a}) {})\n", statement(chance, depth - 1)),
    }
}
