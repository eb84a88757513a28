// Calls every function of an example, and prints for each what it returned: `node run.mjs ai_sdk`.
const example = await import(`./${process.argv[2]}.mjs`);
for (const [task, call] of Object.entries(example)) {
  const said = await call().then(
    (made) => ({ task, made }),
    (error) => ({ task, error: `${error.name}: ${error.message}`.slice(0, 300) }),
  );
  console.log(JSON.stringify(said));
}
