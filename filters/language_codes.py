"""Names of languages: the codes of lid.176 beside the labels of models that name language and script.

lid.176 says `en`; GlotLID, OpenLID and FineWeb-2 say `eng_Latn` (ISO 639-3 and ISO 15924), and not always the same
for one language: Chinese is `cmn_Hani`, `zho_Hans` or `zho_Hant`. The table lists what stands for each code of lid.176.
Codes are ISO 639-1 or, without one there, 639-3 or Wikipedia's: `als` is Alemannic to lid.176, and `als_Latn` Albanian.
"""

from __future__ import annotations

import functools

UNDETERMINED = "und"  # ISO 639-2: text that no model names
NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content

_LABELS = """
af afr_Latn; als gsw_Latn; am amh_Ethi; an arg_Latn; ar arb_Arab ara_Arab; arz arz_Arab; as asm_Beng; ast ast_Latn;
av ava_Cyrl; az azj_Latn aze_Latn azj_Cyrl; azb azb_Arab; ba bak_Cyrl; bar bar_Latn; bcl bcl_Latn; be bel_Cyrl;
bg bul_Cyrl; bh bho_Deva; bn ben_Beng; bo bod_Tibt; bpy bpy_Beng; br bre_Latn; bs bos_Latn; bxr bxr_Cyrl; ca cat_Latn;
cbk cbk_Latn; ce che_Cyrl; ceb ceb_Latn; ckb ckb_Arab; co cos_Latn; cs ces_Latn; cv chv_Cyrl; cy cym_Latn; da dan_Latn;
de deu_Latn; diq diq_Latn; dsb dsb_Latn; dty dty_Deva; dv div_Thaa; el ell_Grek; eml egl_Latn eml_Latn; en eng_Latn;
eo epo_Latn; es spa_Latn; et ekk_Latn est_Latn; eu eus_Latn; fa pes_Arab fas_Arab; fi fin_Latn; fr fra_Latn;
frr frr_Latn; fy fry_Latn; ga gle_Latn; gd gla_Latn; gl glg_Latn; gn gug_Latn grn_Latn; gom gom_Deva gom_Latn;
gu guj_Gujr; gv glv_Latn; he heb_Hebr; hi hin_Deva; hif hif_Latn; hr hrv_Latn; hsb hsb_Latn; ht hat_Latn; hu hun_Latn;
hy hye_Armn; ia ina_Latn; id ind_Latn; ie ile_Latn; ilo ilo_Latn; io ido_Latn; is isl_Latn; it ita_Latn; ja jpn_Jpan;
jbo jbo_Latn; jv jav_Latn jav_Java; ka kat_Geor; kk kaz_Cyrl; km khm_Khmr; kn kan_Knda; ko kor_Hang kor_Kore;
krc krc_Cyrl; ku kmr_Latn kur_Latn; kv kpv_Cyrl; kw cor_Latn; ky kir_Cyrl; la lat_Latn; lb ltz_Latn; lez lez_Cyrl;
li lim_Latn; lmo lmo_Latn; lo lao_Laoo; lrc lrc_Arab; lt lit_Latn; lv lvs_Latn lav_Latn; mai mai_Deva;
mg plt_Latn mlg_Latn; mhr mhr_Cyrl; min min_Latn min_Arab; mk mkd_Cyrl; ml mal_Mlym; mn khk_Cyrl mon_Cyrl; mr mar_Deva;
mrj mrj_Cyrl; ms zsm_Latn msa_Latn zlm_Latn; mt mlt_Latn; mwl mwl_Latn; my mya_Mymr; myv myv_Cyrl; mzn mzn_Arab;
nah nah_Latn; nap nap_Latn; nds nds_Latn; ne npi_Deva nep_Deva; new new_Deva; nl nld_Latn; nn nno_Latn;
no nob_Latn nor_Latn; oc oci_Latn; or ory_Orya ori_Orya; os oss_Cyrl; pa pan_Guru; pam pam_Latn; pfl pfl_Latn;
pl pol_Latn; pms pms_Latn; pnb pnb_Arab; ps pbt_Arab pus_Arab; pt por_Latn; qu quy_Latn quz_Latn que_Latn; rm roh_Latn;
ro ron_Latn; ru rus_Cyrl; rue rue_Cyrl; sa san_Deva; sah sah_Cyrl; sc srd_Latn; scn scn_Latn; sco sco_Latn;
sd snd_Arab; sh hbs_Latn; si sin_Sinh; sk slk_Latn; sl slv_Latn; so som_Latn; sq als_Latn sqi_Latn;
sr srp_Cyrl srp_Latn; su sun_Latn; sv swe_Latn; sw swh_Latn swa_Latn; ta tam_Taml; te tel_Telu; tg tgk_Cyrl;
th tha_Thai; tk tuk_Latn; tl tgl_Latn fil_Latn; tr tur_Latn; tt tat_Cyrl; tyv tyv_Cyrl; ug uig_Arab; uk ukr_Cyrl;
ur urd_Arab; uz uzn_Latn uzb_Latn uzn_Cyrl; vec vec_Latn; vep vep_Latn; vi vie_Latn; vls vls_Latn; vo vol_Latn;
wa wln_Latn; war war_Latn; wuu wuu_Hani wuu_Hans; xal xal_Cyrl; xmf xmf_Geor; yi ydd_Hebr yid_Hebr; yo yor_Latn;
yue yue_Hant yue_Hani; zh cmn_Hani zho_Hans zho_Hant zho_Hani cmn_Hans cmn_Hant
"""


@functools.cache
def _table() -> dict[str, tuple[str, ...]]:
    entries = (entry.split() for entry in _LABELS.split(";"))
    return {code: tuple(labels) for code, *labels in entries}


@functools.cache
def _codes() -> dict[str, str]:
    """Codes by label, and by the label's ISO 639-3 part where that is no code of lid.176 itself."""
    table = _table()
    found = {label: code for code, labels in table.items() for label in labels}
    for label, code in list(found.items()):
        if label[:3] not in table:
            found.setdefault(label[:3], code)
    return found


def codes() -> tuple[str, ...]:
    """The 176 codes of lid.176, in alphabetical order."""
    return tuple(_table())


def code_of(label: str) -> str:
    """The code of lid.176 for a label of any model (`en` for `eng_Latn`, `eng`, `en`), or the label itself."""
    return _codes().get(label, label)


def names(language: str) -> tuple[str, ...]:
    """All that models may call a language, however it is named: `en`: `en`, `eng_Latn`."""
    code = code_of(language)
    return tuple(dict.fromkeys((language, code, *_table().get(code, ()))))
