//! A header section that no message has yet.

use tollgate_sdk::{Field, HeaderError, Headers};

/// Header lines in order, their names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Section(pub Vec<Field>);

impl Headers for Section {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.clone())
    }

    fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        let lines = self.0.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        lines.map(|field| field.value.clone()).collect()
    }

    fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.remove_header(name)?;
        self.append_header(name, value)
    }

    fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.0.push(Field { name: name.to_ascii_lowercase(), value: value.as_ref().into() });
        Ok(())
    }

    fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
        self.0.retain(|field| !field.name.eq_ignore_ascii_case(name));
        Ok(())
    }
}
