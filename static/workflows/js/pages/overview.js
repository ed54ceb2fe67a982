// The overview of a workflow: its graph, to look at.
import { pageData } from "../dom.js";
import { GraphView } from "../graph/view.js";

new GraphView(document.getElementById("wf-graph"), { grow: [160, 0.6] }).setGraph(pageData("wf-data").graph);
