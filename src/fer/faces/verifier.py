"""Tell faces from what a cascade takes for one: a small convolutional network of this project, in numpy."""

import base64
import itertools
from collections.abc import Callable
from functools import cache

import numpy as np

# Layers of 3 x 3 convolutions, each halved by pooling, and a dense one: of each, the scales of its outputs as float32,
# then its weights and, as the last row, biases as int8. `python benchmarks/train_verifier.py <FER-2013>` writes it.
CHANNELS, DENSE_INPUTS = (1, 16, 24, 24), 216
WEIGHTS = (
    "mzP~UL)&OPcxJmhkRby+VM9whT0?|9qvFpyutKdnZ-lNp5F{Zyih!g%aHR}96x*CTUpdD+1H8LCW-stNTB&8E9^g_4In6l_>~pmmEH$ZtOv-;2"
    "5r3MA$VA{V?hSztcI|fQ<LE{&2)7I#n&fI{K3TRlD2TLu+(8ajfqyUWEr0A3Ks$f8&>??E`O1&sqa6+de@C5v2!US23=;?%bGf`V%+MeG+y3|*"
    "P8)Yz^2d}ruguVc-2d;MCA#e)yzRXE;UFs%?!fPX00T84fduq{ts?QqftB+BPw;m;uL7Psa>|4|oDn=b;9KE4&9omosRA%N7cmh#{Lq#=ci9X)"
    "ch?3x`gHs|-?1M&3Tz%bR&4-0FyF~L8wP?qfPT<BRVfBLM?L>KeMk*F%8RZ$ZW;+ZQNg@B`p^6d{U7i%*Z&Xs1pfU60PXJ;3j7G=5dtX7{L&Z_"
    "*9ZIt{`mCp8RHJ{1N{x{{qz+61<DHw{q{Th{P_av01PAD_XPs=_5};^`DMS*^Zh6W1_1*G`t$`o0`V06?;hgu{{9K`$OHoc^V<Rq4a+3~`v?sA"
    "_4ef&0*X)e+W;y4_5Sq$3IpW^^Zx_@AOZ&k^f`;}Dg`VG1NR343=Re-`t=9=90UOT`=Gqj|M~?D{s9UP`SAkx1_2KM^XvEu3;RsM>iii6`se@p"
    "{o%zN`uhh7@E-LL`}7Vq1o*oS1iJv`{QC>@3Jv}B=@<Rt0^2G{1^@;21;zOL_X@lf0S)*9{Tv4l0^0-O7yUo{0QdL=5)tkC=MDM`_9^%11lc4;"
    "(*X(y0s#N<@9OzQ3<>W0;_&?n3pE<}+5Q>~2EYLI^7!vY4-N1B>iO^n1^O8Y<p3iI@74qV3H3891sVJKJ@)bF`vKo2>H6sb4DSmH2Jgoy?)d-o"
    "-~aFe5-Om+7yi8m1>FM<<^BQn`1<<y_~YV22JiCV0Q<@R{LBgL0pk<|1pWB^%K8Z!5-J1aBmEKS`~C*~>i-oz=@|Iw;rZ+P2KLYT83gX^_yYw4"
    "+!+lC@Dcy=`1|Vo2`2I46!hi%103xE7W?nr1O)pJ^WXj!5ba664FuNs`XT)7BODH50r}_d3he+W1expr7zFJ6>MQ^9%>erN1N!^!5d!J~1zhh4"
    "0{y%2@<Q(W?fv=^0Riy&7vS~n1KV5X?FGs9{uKG^6cj574g2c(695}N5y=(u1_ssv{O|q&{P@24{RZ#$0TuxN6G!Xp1_by2{y+Z==<wRp_67I)"
    "&-4E&`9A+C@bT%}10MMN1K`%m{S5u+<KzMi?cnqw3it^A{s{~B?A7SB_XGOq^APO$`1Sf5{_Oqz3HJm8=L{9D`S<Vn=i%=&1U2x=^885j{ul!a"
    "3=`n&0}KTI)Bgw!4D$r)1p4;<`#9(N?aC&&2>=Z14-EId4AV41{sIg7^%L;#^aBIt{rCFy2<h(s3pCZ?_4+~j0TBZI3=|yV3I_`G2^$3T6v+&o"
    "?fxPI3H0#{0sua+0S5;36Bh)q64OBC{QN`w5e4`9`u*kI`w0f}2L}Nh`PVM`3;*%{2>%4{2K+G71O^KP1^fmh3lr`X+4)QL{ruk8@d)kj2k{IU"
    "^!xw-`Vbep@A_c~00;Qy5(@7$^#T6)2lxUd^~~QV2l*`U2IdME1pLeU{ssIJ009Tp1SQ?+<^50u|KIW0{Q1~A^a1r72oVLn2_D_#@c|DB0Qmj="
    "4-w@+{r~p~=kfwG{V&A)`vv>>0S^c14hrG!@%|9>=@9M;0x9|(_x=6^{qy6&`t&ik0Qmp@{P+Wb2;>wJ`vd3)|I7OA1nmMI3;_E9_2Kp%3SPAl"
    "`TY?B{}uiL_XQNn|L_U{4DSI8_V*3>-S#2+01NHx7w0gN0R;>25C-hS0?0h)1L-U81^4;!6$b;*_wNAn?B4${{#&ii2mloL0UZVc_xA(){rLq5"
    "0Pp|#`mpe-^#1Js00i#-1L@Sr2KfU95gG`<42nPE`twc#@eA+w7!9!x_Vp70@ZApP2o<pg83Qf}0w@Cf1Oo03^x_Q#00|BB1=a@01pERG{~P=M"
    "3+V&y1_T!f6A};V0p|Pz=Kekb2L$;A2OrT1`uY+B-S7w?@i74i_y*GK0W}K@>ImO4`UCU?3hpBH@(b_-@bcW`_$dSO1?MfS3<?bb`SuJL{{7$O"
    "4ejat0|*!P^AG;m3hw#p0O<)(`%~rH^!*$6{2cie*!v*V{Rsa35b+El^~@yv@%#Go>NV>70rL{D5ETXd5D^E;>(Ln&1N8v-^DO)Q{RF1K`V0Q^"
    "=;;082|nEW0{I#M2OR+Y0R9qz`3wU98vGX;0<asc@aG!)1qtH_{|wBH9Sjfv{xBKB_s$aW<ncZI1rhrg2os{V_XiL89|P{>^Vb&65Ci=0`|}C+"
    "{PYyB{`Lp>8|vx^<pe7V`}zI$0?6y#3Ii<m`RM}_2mAae^!^dj`2*Yc{p1Ss5%U2P{{R983kw4;_udfm6$jY@1``Yw2=x0F1m^P!4D1T+0Rc7!"
    "4EhHE0QczG<ogvS`_%3k2>uxI2|?fm0RiX#{Q(Xo3;YNe{{#CE0N>$P?dLBe5(v)s1@s2(5E&TQ1>X?-_6Yqv{Pr6b_Ws)g_yFDm^6w?1_VEG("
    "1N0M|2?EwK{sG1R2lfjc6Y(Fk{qqF|DDDLz`|uF||M?5|{tf%<_Xg!L>;n7}81o4g10u-(>i6gA0r&gi@$wq$=Kuf-6$uFq3^(DV==9?B|N9Tv"
    "`TZjw2nPlD6z>QL2PZ1g2mlTI2O$;y01(jw`tkV(1n~{>0`KbG4f_852o&DI^$7IC>jVW43mqT&`|I%M5BT~2`$`iK2Lk%a^!^O|<Ny3Y_746P"
    "{tW*I3l<L985jK83Htp1>*)j$0{agI3;qT8{~X%X1@!p`0q^t%?iU4-0|*l&0then2MZht{rCCy`TzL))Z7N~`Yp}}6a+Kx00Q;|=N--~-U|K>"
    ")bj4r{w}-C{P^<r{q_C}80RSB`4<uX(f9`$4j=={3j7EC`rZ8s2Kx{00rB(Y1<?5T2DcLH6#NDG{}Af_y8;R>`u*+q1osW}|JlSC`v2ws?A84C"
    "BMlNg02TS`0_y4-{4we56bRP@^9%(5AoVCA`XS%?5DV_~{mOq8_5PRt{tEB{2Ko3F1^E307XSkV_VyMD4gRMG{n`Hg)D+`9@d@So6#)nc3lhaL"
    "5(bzA^T!DI0}a|O_X+O*@c{_(`ykc<4*SUm0Q3q701^!u{o?}*=Kdu71KRB_{{->~`xpNH0RR9L1?u|)4)hB01PdP;B>le&4E_oU3<nD>2j%+-"
    "{R{o}0S5H{0Qt-S1Mdg$3mXsi3-0{_@B$MQ{Tm(^5CZo52<Hd;<MR%`4eSgB^!e`Y2g)NX_xsWW2>}QM0|o;T3F;6I9~0;R{}Aus9{R%r0^b4p"
    "^BDfu|Lgb(2nGoe52XnQ0Q$fI2pbO%0}c-o`s4Qi6bkwM1Pvbb5&o$J1?mO%><sxM0pbV#^bGs&3fjo~3I7oF{p$J;_Ws~9<M;9R^&SiP2H(!P"
    "90UCK`0?@$=@Q-X`Tz3{^Zy7I6zk5m01YAT0kQcA3-k5b_SyCW@B8lH1PmS~+x#E({sQ{h^%NG{{qpkq@)H3(59j##`~MvG_45Gm^9Lf?0{;X2"
    "^!NS?0s#vK5&RMP0`>m^{{T+|{qFD)E9u|l3iS&A@dXk5`vn5+@etb%^yB9A3F8gl0R+T0{RZCr1n(E|`5esg{PyJh>+|^j{umJ)9R>&N{tE^0"
    "1l#%>{_N!eAL|I&_rdy}4EY!71^EgZ?B@ID{Sf){9sK<3`5XfH)b~UF0P6l22+k|`^Cb8H2L1^I|2ZZU3GOEI@c0b)_V6Ij0v7S$1PCPe2DTmy"
    "82vi=1{xF#_4*7w`w{%;0s|5D02#?F-t`#t1?~X!?(_pV_51Gn^!^6_02A*53i#gh0}&7a{rK7t_XGCq`5Pfr^dd1M4E`wb0|Nf{<_Q`3^aus`"
    "69*9=1?~AI=J~nz10?tF@(cpT1NQm>?F264`w|om4fvn%_zwg29|FeN`1S(*688cn2DIHq^aiv31>FDm_!$Ev0rc}2_y-K!2kqqj4FoLe2PO&t"
    "8U51b`Tha^?eP!=480cm1_mw*^B4~B{@4a1?+Whk<Ol@k1OBfq{sP?e3drmO)CvqQ`t|%5@#PTW`7f{M0|4v&|KIT(^dbxZ01N>J1MBYO_01GS"
    "{r?L9?)3`>Bk)E{2?FZ*>kA6d@%tVb^#j@k^RM|6>-zQ9>;L-e|K1bw{w0_e4guTy_<{BR`40cx^b76z6aE47`+)%*3=Pfx|J45T4;4ue5bO2)"
    "8U61R_uV%L6#@?b0r~X*6$$9q1p^BK7WMq*@V*xL4fqB3{{;Kz5d*dC`uPMB{wN36_!dOY`}+n6{}2)M^#!@|0|o)?3kU~30qFt~2>uEE|3C)<"
    "{O{ox`Th$R0|fpR2o~Vx@c;n|0T=tz_vG;m{sjFS0Ui^-1{(M0<pDDX_wXqW`us0D_WR`v`2Xe>_0Sy-{R1!i{PYXs^bHHS1PTEE+!gx|2_*U{"
    "{R8v+`_|<R`Pv$}0t^5F<@pbv1^53B=>hoq0=yd)57smQ1QPfLAuR*+^71@7;{)0L1nBhv`_LaB4+ZxC8Wk4@_NE^)@c1<g`Rwoh>j3$^755Jj"
    "|NrgT^DN^3`1ue8@%jN01Q)sk@AL8p?G_9h{PxWz>j4h@`}PS0_}}(D0RaFG_yYse|Jd~&;{**9>!bt(;lsW81|0bi^9=>@_8JG<-1#U7?DGH<"
    "{0qn-@dW}4^8EG!{0hVa1OONW0t5~Z6YjXq<r4%13HkB-{92+E@d5-5{lW_b`RCpL4+I1U@%;NG{8tR$0{RgO{j>Y|;`R?I^Z5V@e}947ffqi1"
    "e}930f6ae?e}8{ve}R90fBkJc+s>Xl+9!fL{k?cQmvk~aYfsZVn%Q+bSY-`77XgGjT+&KAuDPZ=KGjS+_u$++2@+O2Pfe&h!GS+Js>D+}so2Cj"
    "Ctj30{Xt+mfi3Dgfn7^H&hIWev27nb-xUTn1RMkR{T==YJ4yKvR{;+d<@9CrBJ{%h2m}870@)<~9tjKZH2wDE+WrCmJ^%7G9|`gGDk2384EiJ3"
    "Eb-SJ`1<$p^V$(FB?0RE0t^cg{|@&R;{)Iv+5qzDlIJbKN7nG-_5B51_6ii)76<6p+xzJL`s@_r^z8!$3<Uq`{yhQC)a=d*|MR2-0|62i^a<en"
    "DJJ|E4<jeu4iFs+_wf$w<NGoO2=vYR_W}h%<{%gZ<OKaW3;XZ&@)0rf5%9|q@iQsz3=aPO-Wcl}0q`6B1`r_(;MDZ&G8y|I@c=6%`~u<}2L4d~"
    "`uQ!?```u<%-bF2*0U=M%JbJ93j8ns%j_NLzxF-y1pW=O{LBNr*4o-21^>_g66+HS*&giU;RpTZ=ldQ=0Q4Fz_5Tn0>$sr(uHg3Ss|XAT>F@>u"
    "2?zA<2mdYsBjCYA_SHJ&3>x`70nQr!8~e}<{|5Z+@A%^m9vJc53hxN+81vW@F9-)CA^Rx;<h|DZ?ga_@;?M*T>*VO^5e*F$3k3W88qNm<X7c|4"
    "0}1RQ$i4;dCHm4F3kOZ|?eqgXAMLy9IspGY{`T9m<pk?2@dsJ+0|D*f9SZ;Q<nbHR0^8FH2>sJ80s18Q3lSFm{saa101xj3^dsY`{^26^{q`UG"
    "^xgUU>ml&(6AuXx_tF8t{pt1!_V*9#DE0*a<PG5T69M-8@(mCT69hd84)Fy1;ot(=<lh$X{^8~~4M8L&LF6R=`R~{I2JXlI<_8Mf@(Sbb7x2f<"
    "`|kbm0rxiMAkNz#=MW$E&glRH{3Y7ML=N1(`2i&D%EsL!(bCTP?&sef3^Mlz59bf_?Een-yZId~_S+v0AO-$2-lqnzs~!g_`t<kd#Std$SNHi0"
    "6cHxC-kj&$w)e>n_6ivP>nZEl8}0`Q1})(J59Kui-x2o|`}_g{NboY;rt2309}5Nv-mDYZ?#&_X`vn8;;_ou|+Up?y+t>;k^PfAa1^Ddz=lT``"
    "_1FpH?B);j>lXao>I(PDA^jH``~B_w@dpM35%U}ozo!R3`m6QLH`@Lg?*0}7BO>n;ffEG)48j%V0=4GsOY02>`~VLK{{G}7^%V^b80!Qc8~x6`"
    "FZ?|&1N%q`5%%($?(qrm^)me3?FshW((@Ov`1i&Br3vfO=?e?{))DLY^aJ|r^#AJg_x<_v)&Tz$4)@RbAoctl^!@w^6$SDW`U3#;*W?!K7vcl-"
    ">LTbN2_g{@=Hwc(0|~qK;``G1nF|gN3lh}J_5m0M!qnC9{PE50{^jWq5&#wW@$?qm;|=^l`|jT%4ENpu8~*?-1@|5Sw(H*{+V{CT^xgoz2nYN8"
    "4dV$g1sXB_6dVS@`62oN@Bqc<3hm1S7Y5x9=k5UYC-d>3AkgUx754=!0QCd|D&+G7!Vbs(#o*`x-yz2?DH8G$0Si_4@zfANj}7Yj;~?Yo@)z6?"
    "ItcL;2nIdr8utevnfgHi6$j4?1pfXH2I>L}<peYA<mk4}8S1|8>(1IbEex+A;tL2e{sza{70KfX>G1FT3h>GA_a4?M`}z1J@(T0rEX@-@B=8me"
    "4+6=}?FsrE2IvVR2oX5+=l}=h6yM1GDaqLZ2};2)=iKG(|M$G=Guv3x9pCi#?cL$p4IRi#5CZ-71NW`-AJzKjJ_qsh-v<8<5&-@)8v-c91_brs"
    "&HV8w+yCeR6YU>9)e`OtFz3-H`vl+rKo`*ssqXRy3iJ7A69w)32gnHV`2Ft$?=v&z=K~h$@9OdD{T}NAG1~zv<LKuI)cp|=1pNN-=@S0Q5ETC#"
    "1mW~i{{brf-4fjPKh*T@;^pZj^UwV!9o6#1_XgSh`4$Q8k?Z;j54!ms`V$8;58J-~^!w2CI{r8V$q3N}ME4Z$3?TI&9`67O1M}Ve_Y0usOUUX8"
    "&&K{u@%!uY@9F&!>hrbt9QRb#;ll9YG`aa9?*-8V`R^J01MuhtJ_{=45zXQU6#n%#<Gk(>84dIC_5bes6yr4Qp9Cf4&f(h!`1uJe5&1Xi{q`F5"
    "#R=#O*#jjI%bVWs;>!y%DFpBV3H(C)`0E7(PShRz3I7u4=G!C=*bM<u2?nzR5ZeLi-ue&#4GY}*)V=N$_5bC|3I@IE4B_Sln&=t|3Ht5e(X#gb"
    "7zWEM@%#k>7wrlMBjW!5-0u+^+2QJx_zU~e2J=J$?(zWOEB4v}3&i`j`{U~3*6Z~K`}qa>8Q2ZO4)O;359agq0o2_YGUOE$2<+nU{QMHy$pQiN"
    "4e$56&?)li=kv_d_w)D-|NaIp8~_OOG`RQx5*HLI7T)$s_wO|W3<N(mY5LpzAIJPKC?^XGCG#Nv<^cNx`vwmE=IP-9)#~cv2<_<oyyDFH@%G*b"
    "EA=Fa@b4f2_SWv>CletA+~*I<<>u}F^9$mc1qlB2&f@m{_yz(N0qX$j>h!t^{|F`b5BvTU_vHEQ7U%oT`QklA@9iu4=poG4K<^*{^wR;`3Kb#C"
    "w(bq~<LB%J>?kJf?g#Ak>c`yE=NSXz&hgt4+x3|KOAznxCKMM7;y?|~%FOII@&_~K5d<Uw0P+*}{T}xN76<Uy-n$46Aps~n4+;SU{x9PO5*R}N"
    "{6O;P5A6<dy%`kz0Tts64hFOr{~h!F*7GO+3kl|7I0^Z~92E)v;T7rVqA}<WGTII62+##d<n!(h9tGF<JPqp%AO{Q&2;K4E@aG<B_4yg=5DDP@"
    "-vGVo2q#w&3oQ-c=O^~?+AZYM9svgn1tSat$nQuQ-0~9b2)QOD=n(!R4+Z%9==Jm)&j|nZ(fRhX^%3_&H!(W}6BbAU2P*rxEc^}<;05f@_Q4iD"
    "2LdtW`3l7a0NX*-^#URK>jwt*^y&%@*$M=r4*Ko-!4mV#-Ujvq^tu1{2k+4L-U{^Y0RYwn=-|@^^AHC4#r)*j^5_Eqx$fxH?FG*H=MEv+-um7T"
    "_A%`b6%z~d)cWew?(-Y^{_Gyl$mi4zITi!#_TJ+b^Y_LD4Ev7%<`muc{odX1-|pW4*6j@|#{L1?>kZ`i!XM`E+41=J<@pB002>=N5(((r0}l@f"
    "s22a|*3=9N`UCk4<=y-t_yqO#{{tZa+7<Ra1_}-RDjFdm{1y{O02>Ai2?PuUxd9a5{|626yblG_4j2~t^#dLk5Az!YoEFdz{02Jb={^<b@WcpH"
    "BnIgJDgGh<3>M7z2l?sn80G={6WR(~ycE{Y0tL$Y8oMjy4f6Z=BKHvO%>lwS^!ESc1^m18+s_$J4*Ez7@b3-;%+}H}=nnQKFc*gK{S5vM{t5vL"
    "$`kn{`2s5Hsu;@7_x{rV{^!#8rrrzg?nL?c9R?e)(FOzS0s@EjY3U0H#vb<q*%tmN=+pE%G7>KW3j^ZdG|D2Q9`FPQAsH0u=0*HU$Oi<)AqU6p"
    "2;mB;`vu?(5##yh`E=|X&LrLF`TCC#?5pz$`1~IO;~oyc@J8z@6#Mrm4g;AA014I-#`HG+@Glnt`4uuU=>r4x2?9_8?IPa{2>2-f{#+i|?<(|f"
    "+uH92{`IB$`8D_{>jn+_^+6iOA_Vgp5!2#P4iVH581nY<_y%VRy?+)6@I)8=>mT^W6Y38J<oDe0#s}^c95LwB{u>bp+w24m?)UoW@gUb2{PFk$"
    "80{4I_c;jTFz4_O|M}wmClAN`w=6aE4CeEw1Xc1v5&{nj{t(9z*6iO6?)*sb5z!J5{0tcB1_9J01@Zy`0RubjAQ=xE`pXp??Fl*g-Uk^P6anN1"
    "&o=-2E8r*%5;@=L_}Lvgf$_}!@cg#_3Hm0|1^(jxB^u!V?*upJ(CPHi_~g?99R2p!G!HB93-uk=^|S!t#ufPT@#>QL0`<ZR-t9&X<{t?T^Z?-H"
    "?ildm^ZWP#(FgYR+%en;yyNBV5$7J&^Y$9~3IAOU#3jbz|K=C=2C4M-@AbvS4+q_<1p6`xDEJP-HwXC#7SQe90)+(8@ckM25AW~@`U(gdD*`45"
    "2G`ar@`2p@9~dJG{0Y4L9~vnqIs_B|Ki=0R4X^Um?)TgQ^ZqOW5&q@Iw-*%p59kRR<B|{D4fpZR0Ra>dD+mJS<|O6w@u$BG`_2>Y-udnE{QlwQ"
    "81*9U2l4Is_PFjG5Ysc-?dt^l=K9|9sP7pEB={x^;j$d=<Fd!X`Va&03-SvI-|{2#zXL8D7t!#sBjDKL9s=VZ3;sv@<?gijJQ5K3;lvZ?3$y|Z"
    "F&_E#0{jj6|JDinMFI}vJ>wyN2k0l%1Rv8U83PRT{p~6NA@~XH`62Et`WqJK2onnM{{y@E695TK|LGI+{1+1=<^T}YLi+d;`~DjjGWa_BQQ;xz"
    "9{U<@^y}fB<PP@(?FbeDAPzwfQ{Um{2pjk_1^D^F<O=LC_WlL)A>&6F8uS9=6DcUU@aPK24*L)q`3eaJ`}g1O!ucQa&fXDV_Oj!y5&|6}@ccak"
    "7YZCP+WqwUF)s@m8uJ*<LHQjH3I{mzLKP$ZBlQX06zli^0T>4X9p?`l{`5Bd)+3=ZwiEUI+#%VgCH&?9`t<G!>I+>20w$k5wFeFa`zhHH7wiEc"
    "@bnN7?E^9R3l`8C_WRZi|4`Q$HYfHV3jQ(O?EwM%AsrhY0Swgx886w~3<Apr{^ji}>kBUl;2s|3KLfn(1^l7mB=PnH3d<?#+WY1E`ycD+1_l@u"
    "4j|PB1_Tx@2HOY*`2P0<J_!6W{P@NA3$*C@04V@f2<HJ6`vv_54Daj@FzM|73-Ip{=E3s;GU*lm0sRdR)Ey`S1qb2#D-z@;6dv0iH2DNC^$IBg"
    "!VlIFAn^Ou?*ioi@GRZx>h-Vg1pFiUsRBRtmHY<x<2Ucp0u4Vht>o%0-txKvp7Ofn>eBP|6h8;A{_*50+6x@^>-oz6#P9Di?*Sp<&?(jm67%ir"
    "Cgb$P`1@G_?ezrJxZut7E%D<O1rr1p7V-Y4=lu>29t`o`=Jp5u#;X*q2Hx~03-Hec;Pvta>H^>D#ugm+l-t~2@8}^PEXpe{0Q55Z815?qD)Rva"
    ")z9@J_xSb)3hEZh@c8lfK=}siwEOo6|JCNp{w3K0&hO0+=<yl=70C(lDEZ+H0R93G|G5{#85buL1pTDx{IxQ>)B@J}&I%L)0sIoE`V<cv0{z$S"
    "4b{9Z${HdF^9uSJ7w+!F2L%od{QVgA^1k)!3Fx2!@=6auAP(;r$|CS6{QK7F+Q=&H2hxG~0#5<m0QS(&u@lfC{R7<N2;2MvJNvd0Bo^h~{2~3~"
    "1pN)=@&OF)BIf(p|N6EUDDw2*^#s<y6bSgq?CwJH`Sv+33;c)u{V4wE`xq##1`PT43;+k&=h^-TE(+ZP4-)_P{09~2B?t=G3jk5@&G$M-91bty"
    "`QHrP$iWl~Jrdvf3kHD#;|cNZ)a?!efzI>H@DkcT1RKS+0|;33${xc1D*XiX`PLT{-})6c^#Fml5d<yx5$PY*|LxcKzv=b*`THyd1N7_g`1ZH>"
    "jQzdHyY}J_+v3;>uOjp()dBC}@A3xfz4d|UyaDv)<pvuA#R41?>i^T*`Um;}$sz`=u?Qvr2nhlW`4s&4rSbCv2j>F{$OE?E0_hj}3I^*1)yW+3"
    ">jcQs`Sm;a<rv5ivmYw({?!cL3N-5y;RYo9_W9Zb+9e0>KrZSC0xaJ6IaA~WS_=aE@B|+KCJEpS_7naG<P#M+3FQbFRQD0U0rf%!H4YN}1UDW4"
    "@DvC02qYfr5d}CI7W*0s#RA>>*%ay$^#<wuAUPci&j$QP`3K|v<qY8k8}HQn{rL?G_8ai_@&xx2_44Qb00;tO)&}qX4F2-(5L5U6<`ORL4*b^k"
    "$nF9O_w3XAa5n864_+hc+4u(B1^zGe>k$D1CEv{g;3E~>@)sip&i)L+`T*nw<p>cb+z;CK4IBgC1v3Z!BNQaV4i0JjD*nkA;{5Lg1l;fy{08~="
    "^#Ta84h8f6&(aR+-uV3t@*)q{-uyou-{uYZ`UDaE@)92DA^Z>uCI}kt?F7_5_ZI65{_wyJ+6KV{^(^odu=)SR^aZ*N5D5OW1pV*%>Gb>jt_0%`"
    "9?<M0`s@fD;`QFu`1>mZ8u;w~$^i-(<NFQ7^7Q=r3-!<$0|M<4+Wh(2{1w{<moE<6?Is^J^Z5DO1_I9u*cI9N)C0-^-YEX^4MRC2{|4O7{Pdpe"
    "`3U71*4Fb0-1rsK{0-|F=nfhM|NZ6%m-68q;_v(I9JcTX`5*vatLDWk_W;cR+UDx=1JD2g-n9-6>g@*ZrTDiD0r@Bj6}S(92kyV~`rHV*3;FBv"
    "6#)W)73lR17x(o%(e^UwINle<=i(%(?-Rol<^h-y^Aq*%<sBpU<`50n+UXL-77;qx_38Ej9Pa4)2k`se(-8&V3EcqA$r%#~`T4^K0v!wV0u9aV"
    "2Ot3d3-Z|wM-!_Z`Ss}T5d_M&)Cso#!t@dR`O^HnP4^P%?f)kD*BtiV4&nv!?IHIF?<Mil|MN)q0QnvM_YB<I(fIWY3<dTe3pV_e3hE6H-SOP?"
    ">f>n)P~<WD8|B^t>do<)`u*M(>h9z3;1d92LI@-ADh&Yn78eVF2L$RO@9(tfHuD@38Tj()Bq<2;><IkU2?zrO-SGGN?dcND5A-J2^C|s8|D?gH"
    "`VIH__5mdKFY5RwJM#Jk6c-5K{lFE2<n;eM^8g<Cz6Ig=KJ(WD(AEek6YwI^9}D^K2m0#^{@)J%=HnFpGr18y?%5j7;}-Au3-}5GBKi6F`0?}-"
    "=@c#A3EU{K9v3UD1OFxre}5YdQh)Y;Ll%Dpe?Wnc;eSHKe}4~u1R38u1;04qEZ_|m8t(-+ufhNA01f5u3If)}GSn&fGRVrfJOcz1AMqgI+wLbf"
    ">)C;~C;uPZJrvaeIpyjF8~PdT^4k4G#=#K5Gtw&aCCUi};>^J{@ZkE$8MFQs>B$buL%ta#B~`P~AH|n95%-hWExAA=uA>aEKF1j=F9WgxFVf}c"
    "5#!a`B<b51-q#km<n#*5=GyS}029$92+j}i2)Xj-)5R3}<L44F?eYJb1Olfo_}d1`K-yLv>;W3==g$i+=kyQQ{|Mn0x1k*L69>^J<M{~Q7y"
)
CROPS_AT_ONCE = 512  # so that thousands take no more memory than these


@cache
def load_layers() -> list[np.ndarray]:
    """Return the (inputs + 1, outputs) float32 weights of each layer; the last row holds its biases."""
    content, start, layers = base64.b85decode(WEIGHTS), 0, []
    shapes = [(9 * inputs + 1, outputs) for inputs, outputs in itertools.pairwise(CHANNELS)]
    for rows, outputs in (*shapes, (DENSE_INPUTS + 1, 1)):
        scales = np.frombuffer(content, "<f4", outputs, start)
        weights = np.frombuffer(content, np.int8, rows * outputs, start + scales.nbytes)
        layers.append(weights.reshape(rows, outputs) * scales)
        start += scales.nbytes + weights.nbytes
    return layers


def face_logits(crops: np.ndarray) -> np.ndarray:
    """Return how sure the network is that crops are faces: (n,) float32 log-odds, above 0 for more likely than not.

    crops: (n, 48, 48) uint8, framed as FER-2013 frames its faces, tilted by up to some 20 degrees.
    """
    parts = [crops[start : start + CROPS_AT_ONCE] for start in range(0, len(crops), CROPS_AT_ONCE)]
    return np.concatenate([np.empty(0, np.float32), *map(run_network, parts)])


def run_network(crops: np.ndarray) -> np.ndarray:
    """Run the network over (n, 48, 48) uint8 crops at half their size, whatever their light; return (n,) log-odds."""
    *convolutions, dense = load_layers()
    halves = pool(crops[..., None].astype(np.float32), np.mean)
    mean, deviation = halves.mean(axis=(1, 2), keepdims=True), halves.std(axis=(1, 2), keepdims=True)
    features = (halves - mean) / (deviation + 1)  # 1 of 255: noise in an even area is not enlarged
    for weights in convolutions:
        padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (n, y, x, channel, 3, 3)
        convolved = patches.reshape(*patches.shape[:3], -1) @ weights[:-1] + weights[-1]
        features = pool(np.maximum(convolved, 0), np.max)
    return (features.reshape(len(crops), -1) @ dense[:-1] + dense[-1])[:, 0]


def pool(features: np.ndarray, reduce: Callable) -> np.ndarray:
    """Reduce each 2 x 2 places of (n, height, width, channels) features to one, by their mean or maximum."""
    count, height, width, channels = features.shape
    return reduce(features.reshape(count, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
