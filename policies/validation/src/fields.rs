//! Header sections, by name.

use tollgate_sdk::Field;

/// The names of a header section, each once, in order.
pub fn names(fields: &[Field]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for field in fields {
        if !names.contains(&field.name.as_str()) {
            names.push(&field.name);
        }
    }
    names
}

/// The values of a header, in order. What is no text becomes text with replacement characters.
pub fn values(fields: &[Field], name: &str) -> Vec<String> {
    let lines = fields.iter().filter(|field| field.name == name);
    lines.map(|line| String::from_utf8_lossy(&line.value).into_owned()).collect()
}
