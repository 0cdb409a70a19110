//! The scalar functions: one table per group, looked up when compiling.

mod array;
mod datetime;
mod digest;
mod ip; // addresses and prefixes
mod json;
mod math;
mod regexp;
mod string;
mod text_codec;
mod url;

use std::sync::Arc;

use regex::bytes::Regex;

use crate::eval::Context;
use crate::json::JsonPath;
use crate::plan::Node;
use crate::time::DateFormat;
use crate::types::Type;
use crate::value::Value;

pub(crate) use datetime::Unit;

/// A function of the language.
pub(crate) struct Function {
    /// The name and its aliases, in lower case.
    pub(crate) names: &'static [&'static str],
    pub(crate) params: &'static [Param],
    /// How many of the parameters must be given.
    pub(crate) required: usize,
    /// Whether the last parameter may repeat.
    pub(crate) repeats: bool,
    /// Whether all arguments are widened to one type, which is also the result's.
    pub(crate) unifies: bool,
    pub(crate) returns: fn(&[Type]) -> Type,
    pub(crate) prepare: Prepare,
    /// Called with arguments that are not null.
    pub(crate) run: for<'a> fn(&Call<'a, '_>) -> Value<'a>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names[0])
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    Any,
    Text,
    Binary,
    TextOrBinary,
    TextOrInteger,
    Number,
    Integer,
    Timestamp,
    /// TIMESTAMP or DATE.
    Moment,
    TextOrMoment,
    Json,
    TextOrJson,
    Array,
    Map,
    ArrayOrMap,
    /// A type with an order.
    Ordered,
    /// Fits the items of the first argument, an array.
    Item,
    /// A place in the first argument when that is an array, a key when it is a map.
    Index,
}

/// Which argument is read once when it is a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prepare {
    Nothing,
    Regex(usize),
    Path(usize),
    Format(usize),
    Unit(usize),
}

/// A constant argument after it was read.
#[derive(Debug)]
pub(crate) enum Prepared {
    Nothing,
    Regex(Arc<Regex>),
    Path(JsonPath),
    Format(DateFormat),
    Unit(Unit),
}

/// A call in a program.
#[derive(Debug)]
pub(crate) struct CallNode {
    pub(crate) function: &'static Function,
    pub(crate) args: Vec<Node>,
    pub(crate) prepared: Prepared,
}

/// A call while it runs.
pub(crate) struct Call<'a, 'c> {
    pub(crate) args: &'c [Value<'a>],
    pub(crate) prepared: &'a Prepared,
    pub(crate) cx: &'c Context<'a>,
}

impl<'a> Call<'a, '_> {
    fn arg(&self, at: usize) -> Value<'a> {
        self.args.get(at).copied().unwrap_or(Value::Null)
    }

    /// The characters of a text argument.
    fn text(&self, at: usize) -> Option<&'a str> {
        match self.arg(at) {
            Value::Text(bytes) => Some(self.cx.read(bytes)),
            _ => None,
        }
    }

    fn integer(&self, at: usize) -> Option<i64> {
        self.arg(at).as_integer()
    }

    fn double(&self, at: usize) -> Option<f64> {
        self.arg(at).as_double()
    }

    fn fail(&self, reason: &str) -> Value<'a> {
        self.cx.fail(reason, b"")
    }

    /// The result when an argument is not of a type the function takes.
    ///
    /// Only arguments whose type is known per row get this far.
    fn mismatch(&self) -> Value<'a> {
        self.fail("an argument has a type the function does not take")
    }
}

/// The function of that name, which is in lower case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    groups()
        .iter()
        .flat_map(|group| group.iter())
        .find(|function| function.names.contains(&name))
}

/// Those that are no functions when looked at closely: they leave arguments unevaluated, or
/// take a lambda.
const SPECIAL: [&str; 6] = ["coalesce", "filter", "if", "nullif", "transform", "try"];

/// The names of all functions, aliases included, in no particular order.
///
/// ```
/// assert!(sls_spl::function_names().any(|name| name == "url_decode"));
/// ```
pub fn function_names() -> impl Iterator<Item = &'static str> {
    let functions = groups().into_iter().flatten();
    let names = functions.flat_map(|function| function.names.iter().copied());
    names.chain(SPECIAL)
}

fn groups() -> [&'static [Function]; 10] {
    [
        string::FUNCTIONS,
        text_codec::FUNCTIONS,
        regexp::FUNCTIONS,
        json::FUNCTIONS,
        datetime::FUNCTIONS,
        math::FUNCTIONS,
        url::FUNCTIONS,
        ip::FUNCTIONS,
        digest::FUNCTIONS,
        array::FUNCTIONS,
    ]
}

/// Whether a name is an aggregate or window function of the query language.
pub(crate) fn is_aggregate(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "any_value",
        "approx_distinct",
        "approx_percentile",
        "arbitrary",
        "array_agg",
        "avg",
        "bool_and",
        "bool_or",
        "checksum",
        "corr",
        "count",
        "count_if",
        "covar_pop",
        "covar_samp",
        "dense_rank",
        "every",
        "first_value",
        "geometric_mean",
        "histogram",
        "kurtosis",
        "lag",
        "last_value",
        "lead",
        "map_agg",
        "map_union",
        "max",
        "max_by",
        "min",
        "min_by",
        "multimap_agg",
        "ntile",
        "numeric_histogram",
        "percent_rank",
        "rank",
        "regr_intercept",
        "regr_slope",
        "row_number",
        "set_agg",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sum",
        "var_pop",
        "var_samp",
        "variance",
    ];
    NAMES.contains(&name)
}

impl Param {
    /// Whether an argument of that type is taken; `first` is the type of the first argument.
    pub(crate) fn accepts(self, given: &Type, first: &Type) -> bool {
        let moment = matches!(given, Type::Timestamp | Type::Date);
        if given.is_open() {
            return true;
        }
        match self {
            Self::Any => true,
            Self::Text => *given == Type::Varchar,
            Self::Binary => *given == Type::Varbinary,
            Self::TextOrBinary => matches!(given, Type::Varchar | Type::Varbinary),
            Self::TextOrInteger => *given == Type::Varchar || given.is_whole(),
            Self::Number => given.is_number(),
            Self::Integer => given.is_whole(),
            Self::Timestamp => *given == Type::Timestamp,
            Self::Moment => moment,
            Self::TextOrMoment => moment || *given == Type::Varchar,
            Self::Json => *given == Type::Json,
            Self::TextOrJson => matches!(given, Type::Varchar | Type::Json),
            Self::Array => matches!(given, Type::Array(_)),
            Self::Map => matches!(given, Type::Map(..)),
            Self::ArrayOrMap => matches!(given, Type::Array(_) | Type::Map(..)),
            Self::Ordered => given.is_ordered(),
            Self::Item => match first {
                Type::Array(item) => item.unify(given).is_some(),
                _ => true,
            },
            Self::Index => match first {
                Type::Array(_) => given.is_whole(),
                Type::Map(key, _) => key.unify(given).is_some(),
                _ => true,
            },
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Text => "VARCHAR",
            Self::Binary => "VARBINARY",
            Self::TextOrBinary => "VARCHAR or VARBINARY",
            Self::TextOrInteger => "VARCHAR or BIGINT",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Timestamp => "TIMESTAMP",
            Self::Moment => "TIMESTAMP or DATE",
            Self::TextOrMoment => "VARCHAR, TIMESTAMP or DATE",
            Self::Json => "JSON",
            Self::TextOrJson => "VARCHAR or JSON",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::ArrayOrMap => "an array or a map",
            Self::Ordered => "values with an order",
            Self::Item => "a value like the items of the array",
            Self::Index => "an index of the array or a key of the map",
        }
    }
}

/// A function with a fixed result type and no constant to prepare.
const fn plain(
    names: &'static [&'static str],
    params: &'static [Param],
    required: usize,
    returns: fn(&[Type]) -> Type,
    run: for<'a> fn(&Call<'a, '_>) -> Value<'a>,
) -> Function {
    Function {
        names,
        params,
        required,
        repeats: false,
        unifies: false,
        returns,
        prepare: Prepare::Nothing,
        run,
    }
}

impl Function {
    const fn prepares(mut self, prepare: Prepare) -> Self {
        self.prepare = prepare;
        self
    }

    const fn repeating(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn unifying(mut self) -> Self {
        self.unifies = true;
        self
    }
}

/// Result types, as functions so that tables can be constants.
mod returns {
    use crate::types::{BIGINT, Type};

    pub(super) fn boolean(_: &[Type]) -> Type {
        Type::Boolean
    }

    pub(super) fn bigint(_: &[Type]) -> Type {
        BIGINT
    }

    pub(super) fn double(_: &[Type]) -> Type {
        Type::Double
    }

    pub(super) fn varchar(_: &[Type]) -> Type {
        Type::Varchar
    }

    pub(super) fn varbinary(_: &[Type]) -> Type {
        Type::Varbinary
    }

    pub(super) fn json(_: &[Type]) -> Type {
        Type::Json
    }

    pub(super) fn timestamp(_: &[Type]) -> Type {
        Type::Timestamp
    }

    pub(super) fn date(_: &[Type]) -> Type {
        Type::Date
    }

    pub(super) fn texts(_: &[Type]) -> Type {
        Type::Array(Box::new(Type::Varchar))
    }

    /// The type of the first argument.
    pub(super) fn first(args: &[Type]) -> Type {
        args.first().cloned().unwrap_or(Type::Any)
    }

    /// The type of the last argument.
    pub(super) fn last(args: &[Type]) -> Type {
        args.last().cloned().unwrap_or(Type::Any)
    }

    /// The type of the items of the first argument, or of its values when it is a map.
    pub(super) fn item(args: &[Type]) -> Type {
        match args.first() {
            Some(Type::Array(item)) => (**item).clone(),
            Some(Type::Map(_, value)) => (**value).clone(),
            _ => Type::Any,
        }
    }
}
