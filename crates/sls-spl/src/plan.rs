//! Expressions ready to run: names are numbers, functions are pointers, patterns are compiled.

use crate::ast::{ArithmeticOp, CompareOp};
use crate::functions::CallNode;
use crate::like::Like;
use crate::names::FieldId;
use crate::types::Type;

#[derive(Debug)]
pub(crate) enum Node {
    Null,
    Boolean(bool),
    BigInt(i64),
    Double(f64),
    Text(Box<[u8]>),
    Field(FieldId),
    /// A lambda parameter, counted from the outermost.
    Local(usize),
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Compare(CompareOp, Box<Self>, Box<Self>),
    Like {
        negated: bool,
        text: Box<Self>,
        pattern: Pattern,
    },
    In {
        negated: bool,
        value: Box<Self>,
        list: Vec<Self>,
    },
    Between {
        negated: bool,
        value: Box<Self>,
        low: Box<Self>,
        high: Box<Self>,
    },
    IsNull {
        negated: bool,
        value: Box<Self>,
    },
    Concat(Vec<Self>),
    Arithmetic(ArithmeticOp, Box<Self>, Box<Self>),
    Negate(Box<Self>),
    Subscript(Box<Self>, Box<Self>),
    Call(Box<CallNode>),
    Cast {
        checked: bool,
        value: Box<Self>,
        target: Type,
    },
    /// Widens a number to a type the other branches have.
    Widen(Box<Self>, Type),
    Case {
        operand: Option<Box<Self>>,
        arms: Vec<(Self, Self)>,
        otherwise: Box<Self>,
    },
    Coalesce(Vec<Self>),
    NullIf(Box<Self>, Box<Self>),
    Try(Box<Self>),
    Array(Vec<Self>),
    Transform(Box<Self>, Box<Self>),
    Filter(Box<Self>, Box<Self>),
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Fixed(Like),
    PerRow(Box<Node>, Option<char>),
}
