//! The syntax tree of a program.

use crate::error::Span;

/// A whole program: the stages after `*`.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) stages: Vec<Stage>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) command: Command,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Where(Expr),
    Extend(Vec<Assign>),
    Project {
        options: Vec<Choice>,
        items: Vec<Item>,
    },
    ProjectAway {
        options: Vec<Choice>,
        patterns: Vec<Ident>,
    },
    ProjectRename {
        options: Vec<Choice>,
        renames: Vec<Rename>,
    },
    ParseRegexp {
        options: Vec<Choice>,
        field: Ident,
        pattern: Literal,
        outputs: Vec<Ident>,
    },
    ParseCsv {
        options: Vec<Choice>,
        field: Ident,
        outputs: Vec<Ident>,
    },
    ParseKv {
        options: Vec<Choice>,
        field: Ident,
        strings: Vec<Literal>,
    },
    ParseJson {
        options: Vec<Choice>,
        field: Ident,
    },
    ExpandValues {
        options: Vec<Choice>,
        field: Ident,
        output: Option<Ident>,
    },
    PackFields {
        options: Vec<Choice>,
        output: Ident,
    },
}

/// A field name, unquoted or not; printing quotes it when it must.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// A string argument of a command.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// An option such as `-keep` or `-mode='preserve'`.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) value: Option<Literal>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) struct Assign {
    pub(crate) target: Ident,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) enum Item {
    Keep(Ident),
    Rename(Rename),
}

#[derive(Clone, Debug)]
pub(crate) struct Rename {
    pub(crate) target: Ident,
    pub(crate) source: Ident,
}

/// An expression with its place and the height of its tree.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    pub(crate) height: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Null,
    Boolean(bool),
    Text(String),
    /// The digits, with a minus sign when a negation was folded into them.
    Integer(String),
    Decimal(String),
    Field(String),
    /// One level of `or`, two operands or more.
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    Like {
        negated: bool,
        text: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<char>,
    },
    In {
        negated: bool,
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    Between {
        negated: bool,
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    IsNull {
        negated: bool,
        value: Box<Expr>,
    },
    Concat(Vec<Expr>),
    Arithmetic(ArithmeticOp, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Subscript(Box<Expr>, Box<Expr>),
    Call {
        name: String,
        args: Vec<Expr>,
    },
    Cast {
        checked: bool,
        value: Box<Expr>,
        target: Box<TypeName>,
    },
    Case {
        operand: Option<Box<Expr>>,
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Array(Vec<Expr>),
    Lambda {
        params: Vec<String>,
        body: Box<Expr>,
    },
}

/// A type as written, such as `varchar(10)` or `map(varchar, bigint)`.
#[derive(Clone, Debug)]
pub(crate) struct TypeName {
    pub(crate) name: String,
    pub(crate) args: Vec<Self>,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl CompareOp {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl ArithmeticOp {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

impl Expr {
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Boolean(_)
            | ExprKind::Text(_)
            | ExprKind::Integer(_)
            | ExprKind::Decimal(_)
            | ExprKind::Field(_) => Vec::new(),
            ExprKind::Or(list)
            | ExprKind::And(list)
            | ExprKind::Concat(list)
            | ExprKind::Array(list)
            | ExprKind::Call { args: list, .. } => list.iter().collect(),
            ExprKind::Not(one)
            | ExprKind::Negate(one)
            | ExprKind::Plus(one)
            | ExprKind::IsNull { value: one, .. }
            | ExprKind::Cast { value: one, .. }
            | ExprKind::Lambda { body: one, .. } => vec![one],
            ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b)
            | ExprKind::Subscript(a, b)
            | ExprKind::Like {
                text: a,
                pattern: b,
                ..
            } => vec![a, b],
            ExprKind::In { value, list, .. } => std::iter::once(&**value).chain(list).collect(),
            ExprKind::Between {
                value, low, high, ..
            } => vec![value, low, high],
            ExprKind::Case {
                operand,
                arms,
                otherwise,
            } => {
                let mut all: Vec<&Self> = operand.iter().map(|e| &**e).collect();
                for (when, then) in arms {
                    all.extend([when, then]);
                }
                all.extend(otherwise.iter().map(|e| &**e));
                all
            }
        }
    }
}
