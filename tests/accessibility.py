"""Whether people who do not see, or see badly, or have no mouse can use a page: looked up in what a browser makes of it."""

from typing import Any

from selenium.webdriver import Chrome

__all__ = ("faults", "focused")

_FAULTS = """
const faults = [];
const visible = (element) => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  return box.width > 0 && box.height > 0 && style.visibility !== "hidden";
};
const named = (element) => `${element.tagName} ${element.id || element.textContent.slice(0, 30)}`;
if (!document.documentElement.lang) faults.push("no language");
if (!document.title) faults.push("no title");
if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((each) => +each.tagName[1]);
levels.forEach((level, i) => { if (level > (levels[i - 1] ?? 0) + 1) faults.push(`a heading of level ${level} comes too early`); });
for (const each of document.querySelectorAll("input:not([type=hidden]),textarea,select")) {
  if (![...each.labels].some((label) => label.innerText.trim())) faults.push(`${named(each)} has no label`);
}
for (const each of document.querySelectorAll("button,a,summary,legend")) {
  if (visible(each) && !each.innerText.trim()) faults.push(`${named(each)} has no text`);
}
for (const each of document.querySelectorAll("img,svg")) {
  const image = each.closest("[role=img]") || each;
  if (!image.getAttribute("alt") && !image.getAttribute("aria-label")) faults.push(`${named(each)} says nothing`);
}
for (const each of document.querySelectorAll("[aria-describedby],[aria-labelledby],label[for]")) {
  for (const id of (each.getAttribute("aria-describedby") || each.getAttribute("aria-labelledby") || each.htmlFor).split(" ")) {
    if (!document.getElementById(id)) faults.push(`${named(each)} names ${id}, which is not there`);
  }
}
const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
if (new Set(ids).size !== ids.length) faults.push("an id is there twice");
if (document.querySelector("[tabindex]:not([tabindex='-1']):not([tabindex='0'])")) faults.push("an order of the focus of its own");

const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
  const linear = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = parts(colour).map((each) => linear(each / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, two) => {
  const [light, dark] = [luminance(one), luminance(two)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor, alpha = parts(colour)[3];
    if (alpha === undefined) return colour;
    if (alpha > 0) faults.push(`${named(each)} has a background that is half transparent`);
  }
  return "rgb(255, 255, 255)";
};
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !visible(element) || element.closest("script,style,noscript")) continue;
  texts += 1;
  const ratio = contrast(getComputedStyle(element).color, ground(element));
  if (ratio < 4.5) faults.push(`${named(element)} has a contrast of ${ratio.toFixed(2)}`);
}
for (const each of document.querySelectorAll("input:not([type=hidden]):not([type=checkbox]):not([type=radio]),textarea,button")) {
  if (!visible(each)) continue;
  const style = getComputedStyle(each), around = ground(each.parentElement);
  const ratio = Math.max(contrast(style.borderTopColor, around), contrast(style.backgroundColor, around));
  if (ratio < 3) faults.push(`the edge of ${named(each)} has a contrast of ${ratio.toFixed(2)}`);
}
if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push("is wider than the window");
return [faults, texts];
"""
_FOCUSED = "const at = document.activeElement; return at === document.body ? null : at.id || at.tagName.toLowerCase()"


def faults(driver: Chrome) -> list[str]:
    """What is wrong with the page as it is shown, in the colours and at the width that it has."""
    found: list[Any] = driver.execute_script(_FAULTS)
    assert found[1] >= 3, "there is hardly any text"
    return list(found[0])


def focused(driver: Chrome) -> str | None:
    """The id of what has the focus."""
    element: str | None = driver.execute_script(_FOCUSED)
    return element
