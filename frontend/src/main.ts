import "@tabler/core/dist/css/tabler.css";
import "./style.css";
import "./icons.svg?url";
import "./mark.svg?url";
import htmx from "htmx.org";
import "./bench";
import "./board";
import "./card";
import "./cards";
import "./combo";
import "./dialogs";
import "./forms";
import "./grid";
import "./lists";
import "./notes";
import "./pad";
import "./scanner";
import "./shell";
import "./trace";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}
window.htmx = htmx;
document.body.dataset.ready = "1";
