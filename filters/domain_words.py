"""The word and address table of `filters/domain.py`, chosen by hand for English web pages.

Words are lower case and single; inflected forms are listed where they matter. A word may stand under several
domains. Change `VERSION` with every change of the table.
"""

from __future__ import annotations

VERSION = 1

WORDS: dict[str, str] = {
    "software": """
    software code programming programmer programmers developer developers api apis function functions python java
    javascript html css php sql linux windows unix server servers database databases query bug bugs debug compiler
    compile runtime library libraries framework frameworks github git repository commit algorithm variable variables
    string integer boolean array loop syntax method methods parameter parameters return class classes object objects
    interface module package packages install installation plugin plugins script scripts command terminal shell file
    files directory folder kernel driver browser app apps application applications user users login password encryption
    cloud docker kubernetes deployment cpu gpu ram usb download upload cache thread threads byte bytes
    json xml http https url click menu toolbar icon desktop
    """,
    "science": """
    research researchers researcher study studies experiment experiments experimental theory theoretical hypothesis
    physics physicist chemistry chemical biology biological molecule molecules molecular atom atoms electron electrons
    proton quantum particle particles energy laboratory scientists scientist scientific species genus evolution
    evolutionary gene genes genetic genome dna rna protein proteins cell cells bacteria enzyme organism organisms
    ecology ecosystem climate temperature telescope astronomy astronomers planet planets galaxy galaxies star stars
    orbit nasa mathematics mathematical theorem equation equations geology fossil fossils neurons neural measured
    measurement measurements observed observations sample samples analysis data journal abstract methodology
    statistical significant correlation carbon nitrogen oxygen hydrogen solar wavelength
    """,
    "law": """
    court courts judge judges justice law laws legal lawyer lawyers attorney attorneys plaintiff plaintiffs defendant
    defendants appeal appeals appellate statute statutes statutory constitution constitutional amendment legislation
    legislature legislative congress senate bill act section subsection pursuant hereby herein thereof jurisdiction
    jury verdict trial prosecution prosecutor prosecutors felony misdemeanor sentenced convicted conviction guilty
    charges indictment criminal crime liability liable contract contracts clause breach damages settlement lawsuit
    litigation tort evidence testimony witness counsel petition petitioner respondent motion ruling ruled overturned
    regulation regulations compliance tribunal arbitration copyright patent trademark
    """,
    "books": """
    eyes looked face whispered smiled hand hands voice door turned heart
    chapter novel novels author authors fiction poem poems poetry poet narrator protagonist character characters
    story stories tale literary literature prose verse publisher published paperback hardcover book books reader
    readers reading writer writers writing memoir trilogy volume manuscript
    """,
    "news": """
    said told reported reporters reporter officials official spokesman spokeswoman statement police minister president
    prime government election elections vote voters votes campaign candidate candidates party parliament senator
    democrats republicans republican democratic mayor governor monday tuesday wednesday thursday friday saturday
    sunday yesterday killed attack attacks military troops soldiers war protest protests protesters crisis
    sanctions investigation arrested suspect suspects authorities according sources news press correspondent reuters
    associated breaking update updated announced announcement economy unemployment inflation foreign ministry embassy
    """,
    "commerce": """
    price prices buy sale sales shop shopping cart order orders shipping delivery discount discounts coupon offer
    offers product products customer customers warranty brand brands store stores retail wholesale supplier suppliers
    manufacturer quality quote business businesses company companies marketing market markets investment investors
    invest stock stocks shares revenue profit profits bank banking loan loans credit mortgage insurance tax finance
    financial payment payments fee fees cost costs budget dollars purchase purchased affordable deal deals rental
    rent estate property clients services industry industrial solutions free return refund
    """,
    "health": """
    health healthy medical medicine medicines doctor doctors physician physicians patient patients hospital hospitals
    clinic clinical disease diseases symptoms symptom treatment treatments therapy therapist diagnosis diagnosed cancer
    diabetes infection infections virus vaccine vaccines surgery surgical surgeon drug drugs dose dosage pain chronic
    acute blood pressure heart brain lung liver kidney skin bone muscle muscles vitamin vitamins diet dietary nutrition
    nutrients calories weight obesity exercise fitness sleep stress anxiety depression mental pregnancy pregnant
    nurse nurses nursing care dental dentist allergy asthma immune cholesterol medication medications wellness
    """,
    "entertainment": """
    film films movie movies actor actors actress director cinema theater theatre television tv episode episodes season
    series show shows music musical band bands album albums song songs singer guitar concert tour festival stage dance
    drama comedy star stars celebrity celebrities hollywood netflix trailer premiere soundtrack game games gaming
    gamers player players team teams league match matches score scored goal goals championship cup tournament coach
    football soccer basketball baseball hockey tennis cricket nfl nba playstation xbox nintendo characters fans fan
    anime manga comics podcast performance audience award awards oscar
    """,
    "reference": """
    encyclopedia wikipedia dictionary definition definitions defined refers term terms glossary etymology derived
    latin greek century centuries born died ancient empire dynasty kingdom founded established located population
    census municipality village district province region county area river capital inhabitants settlement
    history historical historian edition isbn references citation see also list categories article articles retrieved
    notable known commonly tutorial introduction overview example examples lesson lessons exercise students
    teacher teachers school curriculum learn learning course courses university faq guide
    """,
}

ADDRESSES: dict[str, str] = {
    "software": """
    github.com gitlab.com stackoverflow.com stackexchange.com sourceforge.net npmjs.com pypi.org readthedocs.io
    developer developers docs api programming software code linux forge bugzilla
    """,
    "science": """
    arxiv.org nature.com sciencemag.org sciencedaily.com phys.org plos.org ncbi.nlm.nih.gov nasa.gov science physics
    biology chemistry astronomy researchgate.net
    """,
    "law": "law.com justia.com findlaw.com courtlistener.com law legal court courts attorney lawyer lawyers laws",
    "books": "gutenberg.org goodreads.com fanfiction.net books book novel poetry fiction literature",
    "news": """
    reuters.com apnews.com bbc.co.uk cnn.com nytimes.com washingtonpost.com theguardian.com aljazeera.com npr.org
    politico.com news politics world
    """,
    "commerce": "amazon.com ebay.com etsy.com shop store buy product products cart finance business pricing",
    "health": "webmd.com mayoclinic.org nih.gov cdc.gov who.int healthline.com health medical clinic diet fitness",
    "entertainment": """
    imdb.com espn.com ign.com rottentomatoes.com mtv.com sports sport football music movies movie film games gaming
    entertainment celebrity tv
    """,
    "reference": "wikipedia.org britannica.com wiktionary.org wiki dictionary encyclopedia education faq",
}
