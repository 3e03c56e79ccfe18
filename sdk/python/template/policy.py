from tollgate import Policy, export, reply


class Hello(Policy):
    """Greets whoever asks for /hello, and lets every other request pass."""

    id = "{{name}}"
    version = "0.1.0"
    summary = "Greets whoever asks for /hello."
    configuration = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"greeting": {"type": "string", "default": "Hello"}},
    }

    def configure(self, configuration):
        self.greeting = configuration.get("greeting", "Hello")

    def on_request(self, request):
        if request.path == "/hello":
            return reply(200, f"{self.greeting} from a policy!\n")


export(Hello(), globals())
