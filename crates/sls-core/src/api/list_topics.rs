use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::wire::headers;

/// Lists the topics of a logstore's logs, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTopics {
    project: String,
    logstore: String,
    token: Option<String>,
    line: Option<u32>,
}

impl ListTopics {
    /// The first topics of one logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            token: None,
            line: None,
        }
    }

    /// Goes on where an earlier list ended, see [`Topics::next_token`].
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Asks for at most this many topics. Default: the service's choice.
    #[must_use]
    pub fn with_line(mut self, topics: u32) -> Self {
        self.line = Some(topics);
        self
    }
}

impl Sealed for ListTopics {}

impl Operation for ListTopics {
    type Reply = Topics;
    const NAME: &'static str = "ListTopics";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let mut request =
            ApiRequest::new(Method::GET, format!("/logstores/{}", Name(&self.logstore)))
                .with_query("type", "topic");
        if let Some(token) = &self.token {
            request = request.with_query("token", token.clone());
        }
        if let Some(topics) = self.line {
            request = request.with_query("line", topics.to_string());
        }
        request
    }

    fn decode(&self, reply: &ApiReply) -> Result<Topics, InvalidReply> {
        Ok(Topics {
            topics: reply.json()?,
            next_token: reply
                .lossy_text(&headers::NEXT_TOKEN)
                .filter(|token| !token.is_empty()),
        })
    }
}

/// Topics of a logstore, and where the list goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    /// The topics; the empty one is that of logs without a topic.
    pub topics: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok, ok_with};

    #[test]
    fn an_empty_token_is_the_end() {
        let list = ListTopics::new("p", "l");
        for reply in [
            ok(r#"[""]"#),
            ok_with(&[(headers::NEXT_TOKEN, "")], r#"[""]"#),
        ] {
            let page = list.read(&reply).unwrap();
            assert_eq!(page.topics, [""]);
            assert_eq!(page.next_token, None);
        }
        check_invalid(&list, &ok("{}"));
        check_invalid(&list, &ok("[1]"));
    }
}
