"""
IBSI's digital phantom, and the consensus values of its features.

The phantom is that of the IBSI reference manual (arXiv:1612.07003, chapter "Reference data sets"; data at
github.com/theibsi/data_sets under CC BY 4.0): 4 slices of 4 rows and 5 columns, voxels of 2 mm; 0 marks voxels outside
the region. `SLICE_MATRICES` are the manual's own co-occurrence matrices of its slices (chapter "Digital phantom texture
matrices"), so that the array can be checked without any software for radiomics.

`REFERENCE` holds the manual's reference values and tolerances (to three digits) for 3D features with merged matrices:
mirp's name -> (IBSI's code, value, tolerance). They were read in two collections of the manual's tables that agree: the
table `ibsi_1_dig_phantom.csv` of the test data of oncoray/mirp, and `docs/ibsi1_compliance.md` of
martonkolossvary/pictologics, made from IBSI's compliance spreadsheet. No value is the output of a program.
"""

import numpy as np

PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
SPACING = 2.0
# Of each slice: (grey level, grey level) -> pairs in either order, all directions in the slice merged
SLICE_MATRICES = [
    {(1, 1): 22, (1, 4): 17, (1, 6): 6, (4, 4): 16, (4, 6): 11, (6, 6): 4},
    {(1, 1): 42, (1, 3): 5, (1, 4): 8, (1, 6): 8, (3, 4): 1, (3, 6): 2, (4, 4): 4, (4, 6): 3},
    {(1, 1): 56, (1, 4): 7, (1, 6): 4, (4, 4): 2},
    {(1, 1): 70, (1, 4): 7, (1, 6): 5, (4, 4): 2},
]

_TABLE = """
morph_volume RNU0 556 4
morph_vol_approx YEKZ 592 4
morph_area_mesh C0JK 388 3
morph_av 2PR5 0.698 0.004
morph_comp_1 SKGS 0.0411 0.0003
morph_comp_2 BQWJ 0.599 0.004
morph_sph_dispr KRCK 1.19 0.01
morph_sphericity QCFX 0.843 0.005
morph_asphericity 25C7 0.186 0.001
morph_diam L0JK 13.1 0.1
morph_pca_maj_axis TDIC 11.4 0.1
morph_pca_min_axis P9VJ 9.31 0.06
morph_pca_least_axis 7J51 8.54 0.05
morph_pca_elongation Q3CK 0.816 0.005
morph_pca_flatness N17B 0.749 0.005
morph_vol_dens_aabb PBX1 0.869 0.005
morph_area_dens_aabb R59B 0.866 0.005
morph_vol_dens_aee 6BDE 1.17 0.01
morph_area_dens_aee RDD2 1.36 0.01
morph_vol_dens_conv_hull R3ER 0.961 0.006
morph_area_dens_conv_hull 7T7F 1.03 0.01
stat_mean Q4LE 2.15 0
stat_var ECT3 3.05 0
stat_skew KE2A 1.08 0
stat_kurt IPH6 -0.355 0
stat_median Y12H 1 0
stat_min 1GSF 1 0
stat_p10 QG58 1 0
stat_p90 8DWT 4 0
stat_max 84IY 6 0
stat_iqr SALO 3 0
stat_range 2OJQ 5 0
stat_mad 4FUA 1.55 0
stat_rmad 1128 1.11 0
stat_medad N72L 1.15 0
stat_energy N8CA 567 0
stat_rms 5ZWQ 2.77 0
cm_joint_max GYBY 0.509 0
cm_joint_avg 60VM 2.15 0
cm_joint_var UR99 3.13 0
cm_joint_entr TU9B 2.57 0
cm_diff_avg TF7R 1.38 0
cm_diff_var D3YU 3.21 0
cm_diff_entr NTRS 1.64 0
cm_sum_avg ZGXS 4.3 0
cm_sum_var OEEB 7.41 0
cm_sum_entr P6QZ 2.11 0
cm_energy 8ZQL 0.291 0
cm_contrast ACUI 5.12 0
cm_dissimilarity 8S9J 1.38 0
cm_inv_diff IB1Z 0.688 0
cm_inv_diff_norm NDRX 0.856 0
cm_inv_diff_mom WF0Z 0.631 0
cm_inv_diff_mom_norm 1QCO 0.902 0
cm_inv_var E8JP 0.0574 0
cm_corr NI2N 0.183 0
cm_auto_corr QWB0 5.19 0
cm_clust_tend DG8W 7.41 0
cm_clust_shade 7NFM 17.4 0
cm_clust_prom AE86 147 0
cm_info_corr1 R8DG -0.0288 0
cm_info_corr2 JN9H 0.269 0
rlm_sre 22OV 0.729 0
rlm_lre W4KF 2.76 0
rlm_lgre V3SW 0.607 0
rlm_hgre G3QZ 9.64 0
rlm_srlge HTZT 0.372 0
rlm_srhge GD3A 8.67 0
rlm_lrlge IVPO 2.16 0
rlm_lrhge 3KUM 15.6 0
rlm_glnu R5YN 281 0
rlm_glnu_norm OVBL 0.43 0
rlm_rlnu W92Y 328 0
rlm_rlnu_norm IC23 0.501 0
rlm_r_perc 9ZK5 0.68 0
rlm_gl_var 8CE5 3.48 0
rlm_rl_var SXLW 0.598 0
rlm_rl_entr HJ9O 2.62 0
szm_sze 5QRC 0.255 0
szm_lze 48P8 550 0
szm_lgze XMSY 0.253 0
szm_hgze 5GN9 15.6 0
szm_szlge 5RAI 0.0256 0
szm_szhge HW1V 2.76 0
szm_lzlge YH51 503 0
szm_lzhge J17V 1490 0
szm_glnu JNSA 1.4 0
szm_glnu_norm Y1RO 0.28 0
szm_zsnu 4JP3 1 0
szm_zsnu_norm VB3A 0.2 0
szm_z_perc P30P 0.0676 0
szm_gl_var BYLV 2.64 0
szm_zs_var 3NSA 331 0
szm_zs_entr GU8N 2.32 0
dzm_sde 0GBI 1 0
dzm_lde MB4I 1 0
dzm_lgze S1RA 0.253 0
dzm_hgze K26C 15.6 0
dzm_sdlge RUVG 0.253 0
dzm_sdhge DKNJ 15.6 0
dzm_ldlge A7WM 0.253 0
dzm_ldhge KLTH 15.6 0
dzm_glnu VFT7 1.4 0
dzm_glnu_norm 7HP3 0.28 0
dzm_zdnu V294 5 0
dzm_zdnu_norm IATH 1 0
dzm_z_perc VIWW 0.0676 0
dzm_gl_var QK93 2.64 0
dzm_zd_var 7WT1 0 0
dzm_zd_entr GBDU 1.92 0
ngt_coarseness QCDE 0.0296 0
ngt_contrast 65HE 0.584 0
ngt_busyness NQ30 6.54 0
ngt_complexity HDEZ 13.5 0
ngt_strength 1X9X 0.763 0
ngl_lde SODN 0.045 0
ngl_hde IMOQ 109 0
ngl_lgce TL9H 0.693 0
ngl_hgce OAE7 7.66 0
ngl_ldlge EQ3F 0.00963 0
ngl_ldhge JA6D 0.736 0
ngl_hdlge NBZI 102 0
ngl_hdhge 9QMG 235 0
ngl_glnu FP8K 37.9 0
ngl_glnu_norm 5SPA 0.512 0
ngl_dcnu Z87G 4.86 0
ngl_dcnu_norm OKJI 0.0657 0
ngl_dc_perc 6XV8 1 0
ngl_gl_var 1PFV 3.05 0
ngl_dc_var DNX2 22.1 0
ngl_dc_entr FCBV 4.4 0
ngl_dc_energy CAS9 0.0533 0
"""
REFERENCE = {
    name: (code, float(value), float(tolerance))
    for name, code, value, tolerance in (line.split() for line in _TABLE.strip().splitlines())
}
