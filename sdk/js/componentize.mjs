// node componentize.mjs MODULES SOURCE SDK WIT WORLD OUTPUT: what `tollgate policy build` runs.
// MODULES is the folder with componentize-js and esbuild in it.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, source, sdk, wit, world, output] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(modules, path)));
const { build } = await load("esbuild/lib/main.js");
const { componentize } = await load("@bytecodealliance/componentize-js/src/componentize.js");

const bundle = join(dirname(output), "bundle.js");
const resolveSdk = {
  name: "tollgate",
  setup({ onResolve }) {
    onResolve({ filter: /^tollgate:/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^tollgate(\/[a-z]+)?$/ }, ({ path }) => ({
      path: join(sdk, `${path.split("/")[1] ?? "tollgate"}.js`),
    }));
  },
};
await build({
  entryPoints: [source],
  outfile: bundle,
  bundle: true,
  format: "esm",
  target: "es2022",
  plugins: [resolveSdk],
  logLevel: "error",
});
const { component } = await componentize({
  sourcePath: bundle,
  witPath: wit,
  worldName: world,
  disableFeatures: ["http", "fetch-event"],
});
writeFileSync(output, component);
