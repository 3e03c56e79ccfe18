import { policy, reply } from "tollgate";

interface Configuration {
  greeting?: string;
}

/** Greets whoever asks for /hello, and lets every other request pass. */
export const { lifecycle, onRequest } = policy({
  id: "{{name}}",
  version: "0.1.0",
  summary: "Greets whoever asks for /hello.",
  configuration: {
    type: "object",
    additionalProperties: false,
    properties: { greeting: { type: "string", default: "Hello" } },
  },
  configure({ greeting = "Hello" }: Configuration) {
    return { greeting };
  },
  onRequest(request, { greeting }) {
    if (request.path === "/hello") return reply(200, `${greeting} from a policy!\n`);
  },
});
