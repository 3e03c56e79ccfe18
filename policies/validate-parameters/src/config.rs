//! What the operator writes.

use policy_validation::{Action, Actions, Override};
use tollgate_sdk::{ConfigError, Dynamic, configuration};

/// What becomes of parameters that are not as the operation has them, and of those that it doesn't have.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// What becomes of errors about parameters that the operation has.
    specified_parameter_action: Dynamic<Action>,
    /// What becomes of parameters that it doesn't have.
    unspecified_parameter_action: Dynamic<Action>,
    /// The variable that gets the errors.
    #[serde(default)]
    #[schema(length(min = 1))]
    pub(crate) errors_variable_name: Option<String>,
    /// Other actions for headers.
    #[serde(default)]
    headers: Group,
    /// Other actions for parameters in the query.
    #[serde(default)]
    query: Group,
    /// Other actions for parameters in the URL's template.
    #[serde(default)]
    path: PathGroup,
}

/// Other actions for one kind of parameters.
#[configuration]
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// What becomes of errors about those that the operation has.
    #[serde(default)]
    specified_parameter_action: Option<Dynamic<Action>>,
    /// What becomes of those that it doesn't have.
    #[serde(default)]
    unspecified_parameter_action: Option<Dynamic<Action>>,
    /// Actions for single ones, whether the operation has them or not.
    #[serde(default)]
    parameters: Vec<Override>,
}

/// Other actions for parameters in the URL's template, of which there are none but those that the operation has.
#[configuration]
#[derive(Debug, Default)]
pub(crate) struct PathGroup {
    /// What becomes of errors about them.
    #[serde(default)]
    specified_parameter_action: Option<Dynamic<Action>>,
    /// Actions for single ones.
    #[serde(default)]
    parameters: Vec<Override>,
}

/// The actions of each kind.
#[derive(Debug)]
pub(crate) struct Kinds {
    pub(crate) headers: Actions,
    pub(crate) query: Actions,
    pub(crate) path: Actions,
}

impl Config {
    /// The actions, and the variable.
    pub(crate) fn split(self) -> Result<(Kinds, Option<String>), ConfigError> {
        let Self {
            specified_parameter_action: specified,
            unspecified_parameter_action: unspecified,
            errors_variable_name,
            headers,
            query,
            path,
        } = self;
        let or = |own: Option<Dynamic<Action>>, all: &Dynamic<Action>| own.unwrap_or_else(|| all.clone());
        let both = |group: &mut Group| {
            let own = (group.specified_parameter_action.take(), group.unspecified_parameter_action.take());
            (or(own.0, &specified), or(own.1, &unspecified))
        };
        let (mut headers, mut query) = (headers, query);
        let (of_headers, of_query) = (both(&mut headers), both(&mut query));
        let of_path = (or(path.specified_parameter_action, &specified), unspecified.clone());
        let kinds = Kinds {
            headers: Actions::of_headers(of_headers.0, of_headers.1, headers.parameters, "/headers/parameters")?,
            query: Actions::new(of_query.0, of_query.1, query.parameters, "/query/parameters")?,
            path: Actions::new(of_path.0, of_path.1, path.parameters, "/path/parameters")?,
        };
        Ok((kinds, errors_variable_name))
    }
}
