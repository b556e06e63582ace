// Looks at the page of a watch with a real browser: node look.mjs URL TOKEN CHROMIUM
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [base, token, executablePath] = process.argv.slice(2);
const SEEN_MS_MAX = 5000;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-crash-reporter"] });

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => message.type() === "error" && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => assert.ok(request.url().startsWith(base), `a request to ${request.url()}`));
  return { context, page, said };
}

async function paths(incident) {
  const { targets } = await (await fetch(`${base}/api/v1/targets`)).json();
  const target = `/targets/${targets[0].id}`;
  const server = `${target}/server?name=filesystem`;
  const own = [target, `${target}?range=1h`, server, `${target}/report`, `${target}/criteria`, `${target}/tools`];
  const check = `${target}/explain?check=hub-servers%2Fapi`;
  return ["/", "/?range=90d", ...own, check, "/incidents", `/incidents/${incident}`, "/silences", "/nothing-here"];
}

// Live: the overview is open while a server is killed, and says so without being loaded again.
const live = await open();
await live.page.goto(`${base}/#token=${token}`);
assert.equal(new URL(live.page.url()).hash, "", "the token does not stay in the address");
await live.page.evaluate(() => (window.notLoadedAgain = true));
await live.page.locator("#targets").getByText("agrees").first().waitFor();
console.log("ready for a fault");
const ghost = live.page.locator("#targets").getByText("ghost", { exact: true });
await ghost.waitFor({ timeout: 60_000 });
await live.page.locator("#say", { hasText: "failing" }).waitFor({ state: "attached", timeout: SEEN_MS_MAX });
assert.ok(await live.page.evaluate(() => window.notLoadedAgain), "the page was loaded again");

const incident = await (async () => {
  for (let tries = 0; tries < 100; tries += 1) {
    const { incidents } = await (await fetch(`${base}/api/v1/incidents`)).json();
    if (incidents.length > 0) return incidents[0].id;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("no incident");
})();
const all = await paths(incident);

// What axe-core knows of WCAG 2.2 AA, on every page, light and dark, folded parts opened.
for (const colorScheme of ["light", "dark"]) {
  const { context, page, said } = await open({ colorScheme });
  for (const path of all) {
    await page.goto(base + path);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
    const axe = new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
    const { violations } = await axe.analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).slice(0, 3)}`);
    assert.deepEqual(found, [], `${path} in ${colorScheme}`);
  }
  const unexpected = said.filter((text) => !text.includes("404"));
  assert.deepEqual(unexpected, [], "the console is quiet");
  await context.close();
}

// A phone: nothing is wider than the screen.
{
  const { context, page } = await open({ viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true });
  for (const path of all) {
    await page.goto(base + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `${path} is ${width} wide`);
  }
  await context.close();
}

// Without a script: everything is there, and a form can be sent.
{
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(base);
  assert.ok(await page.getByText("ghost", { exact: true }).first().isVisible());
  assert.ok(await page.locator("svg.strip").first().isVisible());
  await page.goto(`${base}/incidents/${incident}`);
  await page.locator("#note > summary").click();
  const form = page.locator("#note form");
  await form.getByLabel("Your name").fill("bob");
  await form.getByLabel("Note").fill("seen without a script");
  await form.getByLabel("Token").fill("wrong-wrong-wrong-wrong");
  await form.getByRole("button").click();
  await page.getByText("the token is missing or wrong").waitFor();
  await page.goBack();
  await page.locator("#note > summary").click();
  await form.getByLabel("Your name").fill("bob");
  await form.getByLabel("Note").fill("seen without a script");
  await form.getByLabel("Token").fill(token);
  await form.getByRole("button").click();
  await page.locator(".history").getByText("bob: seen without a script").waitFor();
  await context.close();
}

// The keyboard alone, in the tab that was opened by the link: to the incident, and taken up.
{
  const { page, said } = live;
  await page.goto(`${base}/incidents/${incident}`);
  const until = async (what, is) => {
    for (let steps = 0; steps < 60; steps += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(is)) return;
    }
    assert.fail(`the keyboard does not reach ${what}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  await until("the form", () => document.activeElement.matches("#acknowledge > summary"));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "the focus is visible");
  await page.keyboard.press("Enter");
  await until("the name", () => document.activeElement.name === "author");
  await page.keyboard.type("ada");
  await until("the button", () => document.activeElement.matches("#acknowledge button"));
  assert.ok(await page.evaluate(() => document.querySelector("#acknowledge [name=token]").closest("label").hidden), "the tab knows the token");
  await page.keyboard.press("Enter");
  await page.locator(".history").getByText("acknowledged").waitFor();
  assert.deepEqual(said, [], "the console is quiet");
}

await browser.close();
console.log("all is well");
