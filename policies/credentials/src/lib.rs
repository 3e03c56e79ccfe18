//! A user name and a password, as operators write them and as HTTP sends them (RFC 7617).
//! A library; it is no statement itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_sdk::{ConfigError, Dynamic, Verdict, configuration};

/// Who asks, and how it is proved.
#[configuration]
#[derive(Clone, Debug)]
pub struct Basic {
    /// The user name; it can't hold a colon.
    username: Dynamic<String>,
    /// The password.
    password: Dynamic<String>,
}

impl Basic {
    /// Checks what the schema can't say.
    pub fn checked(self) -> Result<Self, ConfigError> {
        match self.username.literal() {
            Some(name) if name.contains(':') => Err(ConfigError::new("/username", COLON)),
            _ => Ok(self),
        }
    }

    /// The value of the `Authorization` header. Example: `Basic YTpi`.
    ///
    /// A user name that turns out to hold a colon is a failed statement: the origin would take a part of it for the
    /// beginning of the password.
    pub fn authorization(&self) -> Result<String, Verdict> {
        let (username, password) = (self.username.get()?, self.password.get()?);
        if username.contains(':') {
            return Err(Verdict::fail(COLON));
        }
        Ok(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }
}

const COLON: &str = "a user name can't hold a colon";

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{from_value, json};

    fn basic(username: &str, password: &str) -> Basic {
        from_value(json!({ "username": username, "password": password })).unwrap()
    }

    #[test]
    fn the_header_is_the_one_of_the_standard() {
        let authorization = |username, password| basic(username, password).authorization().unwrap();
        assert_eq!(authorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(authorization("", "a:b"), "Basic OmE6Yg==");
        assert_eq!(authorization("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn a_colon_would_move_the_border_between_name_and_password() {
        assert_eq!(basic("a:b", "c").checked().unwrap_err().pointer, "/username");
        assert!(basic("a", "b:c").checked().is_ok());
        assert!(matches!(basic("a:b", "c").authorization(), Err(Verdict::Fail(_))));
    }
}
