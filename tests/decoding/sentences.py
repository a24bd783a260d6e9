"""Real sentences in many languages: pangrams, proverbs, first lines; all free to quote."""

from typing import Final

CHINESE: Final = (
    "春天来了，万物复苏。天下兴亡，匹夫有责。学而时习之，不亦说乎？有朋自远方来，不亦乐乎？"
    "朱镕基总理说：中文网页的编码问题由来已久。"
)
TAIWANESE: Final = (
    "春眠不覺曉，處處聞啼鳥。夜來風雨聲，花落知多少。學而時習之，不亦說乎？"
    "臺灣的網頁過去多用大五碼，許功蓋三個字最容易出錯。"
)
CANTONESE: Final = "佢哋喺香港食咗啲嘢，之後嚟咗我屋企傾偈。唔該晒！香港嘅網頁成日用呢啲字。"
JAPANESE: Final = (
    "いろはにほへと ちりぬるを わかよたれそ つねならむ うゐのおくやま けふこえて。"
    "吾輩は猫である。名前はまだ無い。日本語の文字コードは表示が難しい。"
)
KOREAN: Final = (
    "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. "
    "나랏말싸미 듕귁에 달아 문자와로 서르 사맛디 아니할쎄. 대한민국 서울특별시."
)
RUSSIAN: Final = (
    "Съешь же ещё этих мягких французских булок, да выпей чаю. "
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему."
)
UKRAINIAN: Final = (
    "Жебракують філософи при ґанку церкви в Гадячі, ще й шатро їхнє п'яне знаємо. "
    "Реве та стогне Дніпр широкий, сердитий вітер завива."
)
BULGARIAN: Final = "Жълтата дюля беше щастлива, че пухът, който цъфна, замръзна като гьон."
GREEK: Final = (
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Άνδρα μοι έννεπε, Μούσα, πολύτροπον. "
    "Η γλώσσα είναι η πατρίδα μου, και τα ελληνικά γράμματα είναι όμορφα."
)
HEBREW: Final = (
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה. בראשית ברא אלהים את השמים ואת הארץ. "
    "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם."
)
ARABIC: Final = (
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت. يولد جميع الناس أحرارا متساوين في الكرامة والحقوق، "
    "وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء."
)
PERSIAN: Final = "تمام افراد بشر آزاد به دنيا مي‌آيند و از لحاظ حيثيت و حقوق با هم برابرند. گچ، پژ"
THAI: Final = (
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน จงฝ่าฟันพัฒนาวิชาการ อย่าล้างผลาญฤๅเข่นฆ่าบีฑาใคร"
)
TURKISH: Final = (
    "Pijamalı hasta yağız şoföre çabucak güvendi. Bütün insanlar hür, haysiyet ve haklar "
    "bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik."
)
POLISH: Final = (
    "Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig. Wszyscy ludzie rodzą się wolni "
    "i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem."
)
CZECH: Final = (
    "Příliš žluťoučký kůň úpěl ďábelské ódy. Všichni lidé rodí se svobodní a sobě rovní co do "
    "důstojnosti a práv. Jsou nadáni rozumem a svědomím."
)
HUNGARIAN: Final = (
    "Árvíztűrő tükörfúrógép. Minden emberi lény szabadon születik és egyenlő méltósága és joga van."
)
ROMANIAN: Final = "Înjurând pițigăiat, zoofobul comandă vexat whisky și tequila."
LITHUANIAN: Final = (
    "Įlinkdama fechtuotojo špaga sublykčiojusi pragręžė apvalų arbūzą. Visi žmonės gimsta laisvi "
    "ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė."
)
LATVIAN: Final = "Glāžšķūņa rūķīši dzērumā čiepj Baha koncertflīģeļu vākus."
ESTONIAN: Final = "Põdur Zagrebi tšellomängija-följetonist Ciqo külmetas kehvas garaažis."
# Tones as combining characters, as windows-1258 spells them.
VIETNAMESE: Final = (
    "Do ba\u0323ch kim râ\u0301t quy\u0301 nên se\u0303 du\u0300ng đê\u0309 lă\u0301p vô xương."
)
FRENCH: Final = (
    "Dès Noël où un zéphyr haï me vêt de glaçons würmiens, je dîne d’exquis rôtis de bœuf "
    "au kir à l’aÿ d’âge mûr & cætera ! Ça coûte 5 €."
)
GERMAN: Final = (
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. Alle Menschen sind frei und "
    "gleich an Würde und Rechten geboren. Das kostet zwölf Kröten."
)
SPANISH: Final = (
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba a su querido "
    "cachorro. ¿Qué tal, señor? ¡Mañana será otro día!"
)
ICELANDIC: Final = "Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa."
WELSH: Final = "Parciais fy jac codi baw hud llawn dŵr ger tŷ Mabon. Mae'r tŵr yn ŷd."
MALTESE: Final = "Iż-żiemel tal-Papa ġie ħafna drabi f'Għawdex, u ċ-ċkejkna ħadet ħsiebu."
