/** The page's style sheet: light and dark, no font or image from elsewhere. */
export const css = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2126;--dim:#5d6873;--line:#d9dee3;--soft:#f4f6f8;--pass:#1a7f37;--fail:#c62828;--warn:#9a6700;--none:#6e7781;--a:#0b62c4;--b:#b3541e;--c:#6b3fa0;--d:#0f766e;--e:#b0286b}
@media (prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e3e8ec;--dim:#98a4af;--line:#333b43;--soft:#1c2228;--pass:#4cc26a;--fail:#ff7b72;--warn:#e3b341;--none:#8b98a5;--a:#6cb0ff;--b:#f0a070;--c:#c39bf5;--d:#4fd1c5;--e:#f58ac0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:24px 20px 64px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:36px 0 10px}h3{font-size:15px;margin:18px 0 6px}
code,.mono,td.num{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%}th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{font-weight:600}td.num,th.num{text-align:right}
.v{font-weight:600;white-space:nowrap}.v.pass{color:var(--pass)}.v.fail,.v.error{color:var(--fail)}.v.inconclusive,.v.incomplete{color:var(--warn)}.v.unsupported,.v.not-applicable{color:var(--none)}
.banner{padding:10px 14px;border-left:4px solid var(--warn);background:var(--soft);margin:14px 0}
.danger{border-left-color:var(--fail);color:var(--fail);font-weight:600}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:4px 24px;margin:12px 0}.facts div{display:flex;justify-content:space-between;gap:12px;border-bottom:1px solid var(--line)}
.filters{display:flex;flex-wrap:wrap;gap:8px 16px;margin:8px 0 14px;position:sticky;top:0;background:var(--bg);padding:8px 0;z-index:1}.filters input[type=search]{flex:1;min-width:180px;padding:4px 8px;background:var(--soft);color:inherit;border:1px solid var(--line);border-radius:4px;font:inherit}
details.scenario{border:1px solid var(--line);border-radius:6px;margin:8px 0;background:var(--bg)}details.scenario>summary{display:flex;gap:12px;align-items:baseline;padding:8px 12px;cursor:pointer}details.scenario>summary .name{flex:1}details.scenario>div{padding:0 14px 14px}
details.scenario[hidden]{display:none}
.tag{display:inline-block;padding:0 7px;border:1px solid var(--line);border-radius:9px;font-size:12px;color:var(--dim);margin-right:4px}
.decisive{border-left:4px solid var(--fail);background:var(--soft);padding:8px 14px;margin:10px 0}.decisive.soft{border-color:var(--warn)}.decisive dl{display:grid;grid-template-columns:110px 1fr;margin:0;gap:2px 10px}.decisive dt{color:var(--dim)}.decisive dd{margin:0}
ol.steps{list-style:none;padding:0;margin:0}ol.steps li{display:flex;gap:10px;padding:2px 0}ol.steps .k{width:52px;color:var(--dim);text-align:right}ol.steps .t{flex:1}
.sequence{overflow-x:auto}.sequence table{font-size:13px;table-layout:fixed;min-width:760px}.sequence th{text-align:center;position:sticky;top:0;background:var(--soft);word-break:break-all}.sequence th.time,.sequence td.time{width:92px;text-align:right}.sequence td{padding:2px 4px;border-bottom:0;text-align:center;border-left:1px dashed var(--line)}.sequence td.time{border-left:0;color:var(--dim)}
.msg{display:block;border-bottom:2px solid var(--a);position:relative;padding:0 12px;cursor:pointer;word-break:break-word}.msg.http{border-color:var(--b)}.msg.right::after,.msg.left::after{content:"";position:absolute;bottom:-6px;border:5px solid transparent}.msg.right::after{right:-2px;border-left-color:currentColor}.msg.left::after{left:-2px;border-right-color:currentColor}
.state{display:inline-block;background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:0 6px;color:var(--dim)}
tr.cited td{background:color-mix(in srgb,var(--warn) 18%,transparent)}
.sequence pre{white-space:pre-wrap;word-break:break-all;text-align:left;margin:4px 0;padding:6px;background:var(--soft);max-height:260px;overflow:auto}
figure{margin:12px 0}svg{width:100%;height:auto;font-size:11px;fill:var(--dim)}svg .grid{stroke:var(--line)}svg .column{fill:var(--a)}svg .line{fill:none;stroke-width:2}
.c1{stroke:var(--a)}.c2{stroke:var(--pass)}.c3{stroke:var(--fail)}.c4{stroke:var(--b)}.c5{stroke:var(--c)}.c6{stroke:var(--d)}.c7{stroke:var(--e)}
.key{padding-left:16px;position:relative;margin-right:10px}.key::before{content:"";position:absolute;left:0;top:.6em;width:12px;height:3px;background:var(--a)}.key.c2::before{background:var(--pass)}.key.c3::before{background:var(--fail)}.key.c4::before{background:var(--b)}.key.c5::before{background:var(--c)}.key.c6::before{background:var(--d)}.key.c7::before{background:var(--e)}
.bars{display:grid;grid-template-columns:56px 1fr 90px;gap:2px 10px;align-items:center;font-size:13px}.bars .bar{background:var(--soft);height:12px}.bars i{display:block;height:12px;background:var(--a)}.bars .value{text-align:right;font-variant-numeric:tabular-nums}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:16px 32px}
@media print{.filters{display:none}details.scenario{break-inside:avoid}}
`;

/** Opens what the address points at. */
export const openAddressed = `
const open=()=>{const target=document.getElementById(decodeURIComponent(location.hash.slice(1)));if(target instanceof HTMLDetailsElement)target.open=true};
addEventListener("hashchange",open);open();
`;

/** The page's only script: shows scenarios by verdict and by text. Without it everything is shown. */
export const script = `
const scenarios=[...document.querySelectorAll("details.scenario")];
const boxes=[...document.querySelectorAll("input[data-verdict]")];
const search=document.querySelector("input[type=search]");
const apply=()=>{const on=new Set(boxes.filter(b=>b.checked).map(b=>b.dataset.verdict));const text=search.value.toLowerCase();for(const s of scenarios)s.hidden=!on.has(s.dataset.verdict)||!s.dataset.text.includes(text)};
for(const b of boxes)b.addEventListener("change",apply);
search.addEventListener("input",apply);
for(const m of document.querySelectorAll(".msg[data-detail]"))m.addEventListener("click",()=>{const next=m.nextElementSibling;if(next){next.remove();return}const pre=document.createElement("pre");pre.textContent=m.dataset.detail;m.after(pre)});
${openAddressed}`;
