// All node types: the palette without an editor.
import { pageData } from "../dom.js";
import { Palette } from "../palette.js";

const { palette, chosen } = pageData("wf-data");
new Palette(document.getElementById("wf-palette"), palette, { chosen: chosen || palette[0]?.type, closable: false });
