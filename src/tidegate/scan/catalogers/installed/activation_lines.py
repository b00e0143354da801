# SPDX-License-Identifier: Apache-2.0
"""Scripts that switch a virtual environment on and off, known line by line.

Every line has to be one that venv (Python 3.6 to 3.13), virtualenv (20.0 to 21.15) or uv (0.1 to 0.13) writes, once the
names of the environment are taken out. Only marks of those lines are kept here: the first eight bytes of their SHA-256.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

_MARK_BYTES: Final = 8
_NAMES: Final = re.compile(
    rb"(?P<quote>['\"])\(?[\w./+@:\\-]{0,4096}\)?\s{0,2}(?P=quote)|(?<=\")\([\w./+@-]{1,256}\) (?=\$)"
    rb"|(?<==)[/\w.+@:\\-]{2,4096}(?=\"?$)|(?<= )/[\w./+@:-]{2,4096}(?=$)"
)
"""What is written for one environment: its path and prompt, alone in quotes, behind an equals sign, or at the end."""


def is_activation_script(content: bytes) -> bool:
    """Whether a script says nothing but what such scripts say."""
    known = _marks()
    lines = list(normalised(content))
    return bool(lines) and all(mark_of(line) in known for line in lines)


def normalised(content: bytes) -> Iterator[bytes]:
    """The lines of a script that do anything, without the names of one environment."""
    for line in content.removeprefix(b"\xef\xbb\xbf").splitlines():
        text = b" ".join(line.split())
        if text and not text.startswith((b"# ", b"#\t", b"REM ")) and text != b"#":
            yield _NAMES.sub(b"''", text)


def mark_of(line: bytes) -> bytes:
    """Stands for a line."""
    return hashlib.sha256(line).digest()[:_MARK_BYTES]


@cache
def _marks() -> frozenset[bytes]:
    whole = base64.b85decode(_MARKS_B85)
    return frozenset(whole[at : at + _MARK_BYTES] for at in range(0, len(whole), _MARK_BYTES))


_MARKS_B85: Final = (
    b"04Ajur`qdH0DTN_Mqf8&0L#J3Ave3=0gFTz+2Qi!0mQIm7!BpI0pvJckS^$!0tDmCL1l>E0(7ns5wuUK0`qP|!JOeR0}5A}tSYj;"
    b"131#RF*U1*1Aiw%&HC~D1B~^T7E0{%1KF#lH4$^=1Q=Ey@;?BM1TmiSMB<VW1UeZuv=IH-1h6u1*}DP}1k7OU9FIaL1pp(eeYcZc"
    b"1r9hPoOt571%IX_yW9Jh1*i|Lz6eW51{wp^HT;3H25&)@SrRRi2Dl(F7A2Nc2Ii4okAf)32N=TT(S@Vr2TR4KiP3Z*2Yy;w0@hUf"
    b"2iVB8iHITf2lMBAmF*D@2m1OAE?m~22uKb91I=_T2yfw3LLAL22zg$;nBH;i2$N$elG+r<2)0X5_gv>o2<1*aspk)H2@I#gbnOej"
    b"2^v*zM~(r$33QWijgWMK3Gm8fopt4k3PuqzxC#Ck3Q3M68=bC{3nUVTZ>aV63tLj&A^lMf3%=Pc*FE2p3&gksPpn653?!1ypv%xr"
    b"3_RLXocC;B3|ay`{Ok!K4ApBsSL6gK4BoQB7iAEz4J0~$nK|L94Nb}g%2I~L4Qxt~`!c_?4Y5@2$m!YS4eM&_X=3z}4f!)9fdNX2"
    b"4lz4-?H^hY4rOIZrdkfM4sd|w$t6C#4!Fs8eJ12Q4#>-|r1I8H4%fL0gwK+14>*LuTqH3V4}CE~JZ6S*4}SVfY%;~755Lj@d3-o;"
    b"5A-b*x=T|)5Gr-_o!DyS5cY@p#V&+$5duE?cmW;65dyx1>#}Ww5o<0}zHN%e5po9iffSJ25s@-}3tfJD5z{SQre|(F5<E8p8w(<Z"
    b"5>bUx1>H>%5{KaM`9)IY5~0hhXLeg#61i0kr}-fi62F|{CeI;D65P2I(N}DE6UXTB1LFvU6cFbiY>SFe6c#mA$+!g(6fXAYC>}!e"
    b"6p1ktR{k+D6zOZcdDAH06);(8)>4896*3d9C5aO%6>9=&;$Iqm73n&rU6TL`7B&DYp2a8F7LCY_#7Vi;7v@jqyTagR7!aA&N8_+}"
    b"7*L&3OLBS!7}2R&bdBI58GO^lS!Ai>8MC}dN9l?O8WOr}*r3J28gd?R((ir)8h20+#_b~b8w_35KeMgK8%B|nk$0&t8%iwPy=*&{"
    b"8)FkU=B7^o92}_sS_u@W9MunAOdL_s9YLCxp3N^Z9s$exiE70=9%!9I6Un}y9?hIBwHc4|9@Ax>Sqbjl9@Z5f?(u*+A0oR+%WI<E"
    b"A3xG8TOijxAMOX)5oc10AQe@91E({hAZiRa9bi4$Aj;&fdAPIVAkB-)s6(80Ao)4#EZl@jA>tx{&MJ$vA`29&$n0a4A{KK0wO(4<"
    b"BE;;?0E_1~BS#h6fd|v<BT}BdSi<uRBYiqNXZ*V(Bax*P%<xWnBjc3)zGZ|%Bm^`f&Sdo~Bn_t^=#Sl<Buk3JebFDeB@V2&SrrF~"
    b"B@=YCYId13B_9Eg(UMo_B{sLlvymqFC0Q`SjFK^NCBBdHJVT60CSTeYqec<2CVB83=5@p^CVa7ws1ZoCCeeWlZZ;AiCi(GjwF>UW"
    b"Cu6V#^8?AtC&lKirBF<pC;+qy<%w|xC;~^Q1X?WrC<v`j5Zt}uC^w!|gaa^nD7(=BA<_1xDDb-5<J5j%DHu@kfkg2DDJX4GUs^qm"
    b"DKWR(9b5GaDWjq)^0f?%DZ3cZWspsMDg@FAbn|PJDpd(yM$g3|Ds6hJV;dNmD#r4>Ms!}WD?m^wlJfPND_Xq%*ZMS>D}4YI*lFNN"
    b"D}*@CYeUz>EAVX6N$r()EAn%g7YuEOEDdoi+)yn1EGKBnu%45)EHxM|?feS3EH=fz9>*MrEIM=;xNZGjELgDeu#}WdEQ5%>waUrP"
    b"Eg27R&vr{OEnW^pg1}XzEoP(5x{iyRErW^K-T@`ZEv8~>^NZi)Evo_~hihl6Evywo8k=#REwDbuZcZ;3E%$MVyg6KSE-W7%m;WTl"
    b"FIp=ptHS`(FOM7Ly{7xdFQVc_fBCTjFQ%GBwl#dmFSU4?EweHiF!$`UQ<xhXF#F4Btv=kcF<N=kRs6%_F>GknXU3+)G1sB4FZq0T"
    b"GAoPEq!NRNGJA4lO-RkzGa5T*v3`c{GijNr(U{D*GtBb)UF;^JG$o8fO~e@8G(V6|SjE%_G*`6PWUpjWG}mo)H7aOCH4vMpyg<C4"
    b"H5~s%IB~<YH6DAJFlrIqH6{#>FCFKpHHGMd42rY7HVp;C@Jf4NHWEOnqvo_UHXcaOFpnVPHgTgxL)qq%Hlz(ap@?yZHn}s=Sif-r"
    b"Hqe{8<!4{iHuEWw-F8LJHu>MMeWv0}HwB3rDw7M-H`BzIAMTe3I4hy4$uwCaIHs}6e=0P^IO4n5QD}~RIO$%jCHCL#IWZ|{&%d)b"
    b"IcICm(DB<QIipCwyTeZ#I!ebmg{^6~I(L6VND4>aI+6eHx{t!BI=;Fu&bQ-1I>Rsny^F&CI@L5}`!)!MI@yrJ>iCqjI_X(NW?e@M"
    b"I{#6yS3AZ|J2N1LBr4q>J8Z^Vs6kAJJU5*}a0KMtJWZc~g$Nx2JXAJ|%*i4@Jj8n9VCxs#Jz95uzA1P5J(jlPX~RU9J)l6HFp<4k"
    b"J`AOG>i0m7K7)bjWVX=?KBe(^jC}U#KDO__2z`LOKIWkhcAIcTKK2?k<LTc9KM8#(9x9TlKS?E{EKlc;KUS)17X5&1KU)NWl@XLf"
    b"KZs~U)T4rSKgZB^%J_EwKm4JyDa6geKr8#HRSSbpK#<1VI6`o{K-dzifRLlKL9}nN#>kxDLAV7J0C~R!LCG9S;bQ2eLHi3u8wC^B"
    b"LLs<C7r3O)LY_h2vKRX>LZ*D+QwA}lLf!^uys8<TLhEASw-6+bL!fHdW+LG*L#wUmobT7-L*L<w1EX%JM1sB~QHDxtM3ev<05TJ?"
    b"M8bDxsIe3?MTAhHQa9(YMTDN~ekBseMb<@fI_-fUMpfTlCL~X)Muq=6BlG6dMvwhFs-Xj^Mx(ii@$fsyM?^`p3KMDBM@!w(!5FJb"
    b"M@&L^m4Y_lM^+j{Gz4@_M|BGGdrwh?N2`=gCQ}V9N7$}4D7PBMNBgphCd)GXNKL9xn)e1FNNt+`whg-gNN)vnhlEPbNPSK<Lz%^X"
    b"Nil_?HCJ{;NkJik2Wg=UNoM`@_*2hRNxnecD&vneN)WHi#*PKSN*I=kdUr}fN*;7vLAvLvN;`vDf_LD{OB-&6tSGfGOJ<5r@%`X!"
    b"OK)d7V=)ajOW`m*EBz!8OZs$O!g*NqOak(WJ*25&OcvYxFZ_2(OkFk9k0bYyOlSQ7gcv>8OpIYaMK*=ZOq<B@l#!zsOsO-lZ%IgN"
    b"O+sSV9%@(yO;VGG#Hl$!P3?9|Sc_Y=P5xvB9UGm1P6p~FnW_qJPE+Bf2qtm|PIJaC%k~(iPP^W}qoB1TPgKP+8#1O?Pk|qCi7+dJ"
    b"Pmt;#w{AR3PsS`#u_&GCP%H?Gq>Ly?P=_6TAHjpaP^Bl30(hLVP_#9e!fqExQ5n#*)TWr;QBAIe2GMGnQN%{2U6SH6QUEG#uF=R9"
    b"QW!GeTC$GVQklg9ywaH}Qk*QI=x+YlQmd@{71oILRF9o+%F}e&RQy;pBbOV!RXhD1nX64dRf*8e;%==+Rg45Suwjk(R>~H{Ztwq}"
    b"S7d~5P1f43S7+2&dJ9;sS8ra+Lq3GhS9Erd7U7PESEfr<V##$dSGjkiG(>+FSJ!=6%Ck6kSL3NH7>Y+aSd8Q7FTqWxSlm7bnk)3K"
    b"SrsH9;T43&Sr`VcdAaTKSzn=`M_3P7S%GA(`@b$|S)o3wVCBpQS=E_ZsN3mWS?Y4Zk59T7T4s<6Qo}diT6DvG*D&9YT8u0mP<vy6"
    b"TBB#QltHp2TFl$~u7+ZRTLh&>uZM{cTUNw-ZL>Z<TWj=Mqw^cPThiaq!gL?sTjtf!y!Z68Tr>?>N<U1hTwv^%3@&9vTx!;;kS<zw"
    b"Tx=&v$vX#vT^4i!Kx7bWT|T}DZNj37T}ugAu;R3>T}=A^Apn4OU3|Z}iBL<YU9Odg=Jz7jUQ4^}OF~lLUSG#~=^`4AUd0c<t8*wW"
    b"Ui2`T?aR9aU|O|UX<AhfV3J=s-xs-=VA&`F*%k<nVCfn#%A%D-VF!cGH$Y#~VHLIWD1P-1VKc0DTPN+XVL*M`v=GX+VMe~Abk^T{"
    b"Va>k0pX!cZVb#XTF3ih#Vpf$9q_i}2Vwnbmt@5L|V$oA<hkcspV*)JElvo@=V?ah}DS(wsV?~dK!G9biV|ZnJWlVUJW0{;oQz&bV"
    b"WD6E=*2Ee1WD?h@gY%DaWFa>R=DqRIWH}mBAhmb_WI-_@pO^RHWRmz3oQ*C*WR~BES=#s&WT9V`vA~9jWVeL*bd(<)Wh!}O{Dntx"
    b"Wmj8(XAQ+UWpAa`$zypQW$hs$C&u42W)25wA<}9;W_h=ez`MvUW{+y*=|6glW}H*@%bmRPW}he*pXR6fX5wsHaSqDCX7s409fXnR"
    b"XA^RMT%8gJXIv-GNJr0KXJQp{g^Mb)XT$%|OCU5jXUo>yXjWidXlA1f;=j^{XlkG!{xm$=XoJEQn9e53XpC%W^9IuHXvjyD5Xf$N"
    b"X+vtsExAXYX-o^K0EbgKX_xlr6=3k2X__vBKKSlTY2gu-Wj+%=YHjG^f*D1cYfs@KBbOP(Yj1MJ{Zr5RYx{wT{0>+JY{_aOz)mM_"
    b"Y|9O9IqRw%Z7cF$wX&-2ZC(UY`_Hh|ZDRmGkv6ECZG!Pf1#`o>ZH}zUa4diuZM=$fkDv@5ZkMh&4w`b(ZxqnHfihAEZ%NI)fZ@4a"
    b"Z)NbS&-HkyZ*kyTm>QfSZ>Ht#Ljn<zZ>*^i9(+XHZ~kA3YY@UFa4NSgGQo)#a63g@Llj?oaFK|}<kB?daNist_)ypLaW>+*og{(U"
    b"afk3{UbBLEao8Gjm6V}jaq+q$Op}O=azw=V>ae!ia#*El7oFz4a_kK717r(2b23sH@1-@ib6@s^y?tGHbDfrK%PVH1bV-uBt|^Kn"
    b"bW+(^5NK)^ba%DR$eQ3vbtwH>C<;*Nbx)62{BgP_b!28+G2C;9b^p(GapflQb{mbo56d~;cBcK((qLugcB}YUJ0X#{cDRV|S4EJK"
    b"cDZYb{NO<3cS#7;4QZqMcTw=QGq&`lcT#tP@z;n!cWqQ5P<Q8&cZ*0xKxm-Lcb?^|J}_WJcl<V)_%nFscptC75vU2OcvorJ!RwpL"
    b"cwAix@pViIc%d`h4Qrchc-Qw2WUd@Hc~K6Hh2TmEc~&4Y?qGJ*dAgA7`;Jc)dFqbdpRJBfdN5@tU;RZjdZs!BuAeXwdegtO{@uwe"
    b"dfwo6QZynidf!zj7~%f9dkLUq3PT$&dlAfQi?W_(dnya@2O;m7drpQhB%;l{dxGP>r#tjxdx(9Myzn<}d=l4>rN@NCd>|L>bVvsx"
    b"d>|l)fkGRod@ktdpMjdPd~a#A06La$e4;hcrR;baeC*)Zc~SqheDMr^gN?speEo&NNG$~3eJw``8uP2leQ1?!-J298ebalR$;Qrm"
    b"ebq3;(`}@DeozP*?zM_+et31V<ZM6DetwHr_xHB|euBEE%YdYnewg>o8%2;sew^iZRK};KexQhLg)s82ex{=yn<{n7ey{>qr@8;a"
    b"e#^RR=08Oae^o3wh=g{Ff0fN8Ls>g7fS_J+E!)pxfU8jM#uYqQfUCnJ`H}|&fUzOAmtnI#fcbo|R!Ud<felK4zpEIbfn{3y8jCQ4"
    b"frhOPwsNmyfrr#N4e_h$fw<obD{f9>fzLVKM-G&%f{<rB3VL)|f}f!Qs~7DPg5u*iJtD}Qg6dmfLsilKg6+VeO<&X1g8E0}ml&pl"
    b"gT+IP@{9`igeLFUlCuC)gj;T{remqOgzl>75lXQWg+jqatEJHig_Ky)jd)CTh5tt^J4QMZh60uu3Z@b#h8xv;N==Klh8%b=Tj2`D"
    b"hAPe17X*!HhO@FJj8H2{hhf6?3I$bKhr)3Jdw#Gchw!sN#?UgRh#=<7h-Y$ai2)MbveODPiJ~F%G3OFRiPG4#*{Z35iTuFv2qg}-"
    b"iU<l7dxK(bigO~eN9w)$iwKu>hS1UYizZM6c9?R0izmah@cwNLj74jsPRy8&j9Np;5l<7DjCer4%q1X0jNMuK%&3ZbjNU@=2_vqx"
    b"jV)i(W&;XCja=xEpq(Xfjm9SSZ|(y8jp)C8s*1EBjt|S)<Q1A_jv8fz&@F=5j)|It@rSR@j;C%u4LV(2j}}5~q}uqrk6j+vX)-<5"
    b"k7B|pvrz`tk7)0I;Iwjkk9?rh^$UIxkHKD;3(>~1kM}Zv&GicIkOP*uz!jq$kS3)qzFfn3kWS`=15*WnkiAiN)_hNCkjCL(WP@b*"
    b"kl-=$D$4Zmkl_H2<XA71ks0#BmoE%0ktp*F7}H3mktz%HK#l81kvF>Or0`Bek#|EYKp%=Xk%+5<t{w6gk&C$Gz;gH9k&tg;U%*7H"
    b"k(_jBk&+Apk=oL%?ba!bk@ryP##_Kpk`)Q(O>YZ~k|+!hOov|Rk|;7jFar}Ik}}jGt>u}%l44q>wqV*_l49~VV<WGgl9t|8(YL0|"
    b"lBYxYEn3+>lC^?rqErddlC}rsi&?y&lE=#*0Z2~XlOtC-kjKw5lRx@QE3^Hwlh%5y7GjG+llu5Jk?@XCls;$58Ddu=l-x{5Q7>$G"
    b"m1St6$(m32m3_T=PYF)~m5p+!N;nh*m72+O%L@bcmAq6`XQioYmF#wPVC%$>mIbi%Lt~!VmVu@!cWP>nmV;;duR0|yma0do)Lq!("
    b"mq$3zr&QE&m!s@1kIZIim+gV79~23Mm>*`kOQ4@km{3LWz*mZmm|NxERVBBom~k!Jm7O>!nCv-EecR#wnF085r~;8;nQN3w?JJ-j"
    b"nZK~95$7|_naO~Bu@sAsnb7VTY$4T)njUti1P&8unu7TSyn^YCn)jqP3Y0m@n;%JGFOSv*n;@;y5L*=xn<&uRT9LGMn?3lw0_R?I"
    b"n?*iAx!0P`oDIg}7)%CWoKfw$*_BxjoUVM+T#c(=oUyBT^r*Uqob=sNvZ4a!opM0Mr#z-7otEKpgDuN(ouh?8#sv6to#0TX5?D?2"
    b"o)>cOwr-`Mo*unr!as1!o*-;mYc*W_o=c@%njI<io>(w|g&LJ|o_Di!ZlHndo{%}-fcms_p6YIUkS;0npA)C8Q-QY9pFxLfT*;B{"
    b"pIAt;>3aMRpJSZr(o9IMpK-dd)Tm08pSX#E*AWGepWon;g%4B?pp!OZU}^4OpuGAoHYnC3p?2O!gZJctp@TwP;f)ouq3l5@n|HO?"
    b"q7(27ZuB$;qE@w#b~!a?qH+(XAZG)-qK)oTtbd$jqQwB?VxQ5EqX3sovd}BTqZ!F8QvipMqfTW`^$Eg2qw)KEB0rR<q!~SX)1Gql"
    b"q%0Unik2_Aq=R!VrGR4Vq?~b>DcUXdq@o757f`=Vq{Hn5saidur4MY|fOgkDr6@G4;+5t3r77p!IhYj#rA~GY>cavSrYKHrJwv_w"
    b"rgI_)*jr!`rnQG>M%{U2rna4?9w~v8rr+?;(%NE?rvcM%&YxuIr<c^_2BoYKr@a6WqK~gGr^Tm!4_DR|r`?h(uB`gqr|EC%%W}dN"
    b"r}p4&90_x^s39cnsCYc)s8J*o8BNT;sD<#SafTeYsRJz!tj&3MsXl%8o?^NNsgIO8Wrr$OshS5cb5dO0sqr=ApW2ofst?>?uudy@"
    b"s={W-&n_U_s?L!2%@x&`s{n73{GXsXt3uT@A6cnbt5Qa+X}XBNt7Kd}h<|x@t99b9Y5%IltD`PND^L_>tK0f%4Lm)atNK|t34_W~"
    b"tb7-ayj2wutg9diP>T5%tpy>`r7{_Xty^$)vFANkt#W6e&zdR;t*J36d*6>!t+SPL$<$dKt=_W8Y7yO9t>luoaB~pTt_^xR93&$="
    b"u02~8+tc)Mu34c-zSgAAu6$NY<jmOtuA?<5l}s~DuEB>cplTrzuEEA(jk`0uuI{%3?-?1puY9(37hc-8uecLw;suvKunQR;@sA!B"
    b"u?_U*Gr$5fu|@U>YJv;nu~ny#XxdwHv5Is5+23fCvC^mOI8^;xvI#)nHL=KDvM!z6#kf&$vRO$s;9hOXvToA?!^MGuvYNlh{&otv"
    b"vd>sHt@KEOvd_r~+i_FsvfoQA;x>ctvq1$ta@5vdvsAjdFLO`}v%u}RdFJ7+v<bElXxST?v^XoC5L=^aw7tkk5SJpOwD=>K8i&3g"
    b"wFV4-*1{@+wOaU0<Vp^|wRD$#D@Ck=wodL)xbPKfwys}uM;Gz5w$4!JCc&A4w@I8kg#IP7w`G?m4CoEVw||kD{KA_qw}4VZV6JZX"
    b"x1j4FDA(aNx5P@865hg-x9Iv*OU{f3xHCdbs0#H1xKM6Gi81|yxM30=jN?s{xZRor$Ls5}xliv6Go<K!xluo7U`|bmxnoQVr!Y$6"
    b"xy4t5L!`M>xyG0G>zH^px#7x<*+c_0x%6G?9ba%nx<he`c4x1px?aT{2c)bHx^-U@5n=z8x_DPi^)7|cx_+K16-#N$y34cXtJ9@;"
    b"y8*;Y)<&x-yJ;{P7GBN@yK;?NmX9?iyMbE<Ay4-xyf5WebgjQ@yo!>PYbF<yypn;vQ6q_*ytHJI6g~Y?yx!$m+Rnnky$`}#iqaAC"
    b"y+9JEhIZ%Xy-0fRsa&~vy<x>+1Orqfy_L&0sg*n>y_Wd6&R;eIzFUg-Eo{rizHH&#k^j(=zI)AOWD0ShzW|H1<MRT7zcc#$Ta)FM"
    b"zgNwUr(fm#zhNHsYKRQhzi7G|rblM&zpc5!5l&3Izw#jCA#=h!z(U9;)K}<(z>WKeEa*65!1qMY*a@jn!FJMu2EhRD!Unz>ix<f3"
    b"!aN_cE2#-;!b{9oc2J0J!cwH3p(4)>!joGu6T7!E!t%DzoX#ho!#`UzD>r_U!*(^Cb*eNS!=D*r0>i)l!@<}Bm2Jlz#SOS@_;{{J"
    b"#TGeuRX+9g#aVa-3};Wq#aYBI%lV5+#f<}7EDwE2#nntDI`845#ojoyW?^%g##Lv7&`1zD#(o0&!!M#`#;IeOX36B4#<18t+v#^&"
    b"#@7vrZ$r88#{%mi@_zZM$0AlzS2r8k$BNcutFDR^$B_qs+xxQt$D(U?)8=tY$ML>D<Rcoe$OciAxHh;{$R0IVAgm}u$SXXqz`kn_"
    b"$VV9oA8N~V$d60U@qM$E$vlcA(KR<L$%^fy*fS#T$`qIG-XbPx$}a42{d6e>%Kg`+UCu0L%ZRM1TV|7A%e-@qo)s%G%it%7$<@H}"
    b"%l-CWxEC?W%m)ONN*J>&%tSx0%v0s6%tf)AB(wWF%tr!dt(G4=%x`YT8B&t2%}-pk*P&x(&DEzhInj|5&GQIGxk8`}&MC^m%^NCD"
    b"&Nx%I%X`B(&TA7iGJ>1p&Z+c_beMe1&ck{tEJ}B#&qD6f(%$=k&yZA-3>uy7&#nzZNcR*k&<H;CkzS1m&?2oX<lB`&&_OCmGE@B6"
    b"(0(3IBD*<`(0-G9x-1FI(5CRt=El*+(F-=Jbfufm(H$GPa43M>(I5_x$HhBG(MkQFV(GEF(S>J#LzhMf(T1Iv>mT@>(ZJv}gf-pB"
    b"(Zar2Wi8La(a<zyeS$mh(fF7t$1#iR(r5WYHGQt9(v%XFO=F$;(%I=%J_{{&(;ejNU;@%Z(@3vkk!T!Z(@@p`<is+)(`|M2rS@)t"
    b"(}=lDt#kcw(~Y!eHS*Hf)2A+2EOeAz)5azz4ew(M)AmO7vG21=)K`~~&C#2F)RLczJUZec)gN?_9{L_>)qgVV+_>Fy)wpy&I!1&I"
    b")&XTS|1Np5)<GoDld#cl*BIq&;sa>=*Czm3r{s%N*H7^7jib4M*N_xg@@aX9*V!cr>v-N@*hci;1tR5h*o}+F=2_-U*sR;5fyeIJ"
    b"*tt;0N-c+i*t`JHSN&sb*x*4We)`bB*zu=SQ6ZjJ*%~v@*yCS3*+XVE)7ya5*;+(aMM+<+*>QOAncjzz*@a7tSe#fq*^0|Viw3a2"
    b"*}JV1Wql}T+1FB5SDc)j+1g{_<(C`t+DD$Qn0d(U+E3mEbc4oP+GMhuK@>T}+G~zG+SLJB+I~&CE>xH9+fT8>;|{Zh+lJDUdTA$G"
    b"+th!FOCeLm+w{!rXFfHF+$|4~4&`f&+&U8<CC>KG+<-v4Z@!cD+@Rm_2fBR9+^h&^FNWck-C$IX8wcSg-YUA@gDj3U-iC2A{Ss+H"
    b"-m2IGS)g1*-v;)Z8Z~wv-zb(3)@&{t-&8ZI0cG(3-&qze720L(-)F=AqKrKD-<}SfaLOWu->l)XMjjzo-|6pG4qgFJ-|TnUx#Mk="
    b";11|U-12^!;5nB{k#IYq;MH6)b+g-u;T;9l$<WJ|;Z)MBYR_LX;cp{O_j5a*;ha(L&Oq%U;pTG~MWKo8;zNYKg3)VH;#TgCdjDxx"
    b";*QQ<W}0OI;+(3Nt1WpH;-6I1E_by6;<WwGok5GF;>2r3Yh8sz<8FWV5IwNj<TZ#;^7rt4<eOZ2o^y>z<jo!%8`q(^<p#h|n0&&W"
    b"<vW1?hw2hb<)pE<7S;~v<|f|cWh+J&=1#&!GfWF_=3M+Q{{0g1=Yix+;R|oj=d1^YW{wZ==f`pE=XTqW=hn^54xS@$=kP~HtZwL?"
    b"=u$+I73lI#=w&;K!3<ZS=+fZ=uqkSx=;tC}xk@5?>2_j@Sb9q)>9Nx)^wF_A>BGuj7|c0n>DaE*^AO|D>GM!05P~kg>H3kii7>!Z"
    b">L!QhN=}Zz>QyM5?>?$C>SW{hamjB@>Ze9Rl0GYg>frt%M`~z9>iroha;B`$>qcCUkStNj>vo&0==;?w>xIU?(6A(*>z_zkBTW&Q"
    b">$y5FYtsy8>;Bk_VUL_l><Zw}6G-gZ>>ND<d!A9v>?K-*dSP9p>@!!#QGsrz?3wYEndORR?L9Zc-&PY(?O7wM88`4s?QvvV2INX*"
    b"?d;77nMyXO?ecH;Jf%<Q?eheNtG)<M?fdc-mpWvr?m|bLAZeNK?w#JZy;4wJ?w-+W_s7<P?#sw!f3ZNj?%>pC$xtD}?``0$&SS`T"
    b"?~&0YQ9mp{@7J_S$UOuR@9aOd_s*0l@Ah0=)@)xu@D&q02TrO}@K}WmL>al0@Pax2|7{wW@Q!{r2#sD{@SiYT9SbL;@ZWOA*Jtr4"
    b"@jChZ@w)zr@kqV0utr2R@u1VJ5x!aa@yAmRvIuHO@#3kc>EfI_@@x<<qUI(9^7RgXc|CE4^9{9)R&)u#^VQ6{j2#9o^brue;zak<"
    b"^hA*Vz16s5^iL;of5B1L^)r#b$=r3q^)un%3#f;=^-pC<Hl%IO^>LbL^2HK0_EF5%P`rkc_FX-d2v<5|_PCn;NSd<)_QK{k>zA%("
    b"_SEWzOo(7q_YQ4NCDv!w_d|-2ai>3&_iW#-nR9&%_nA#QySg{=_p<gMnVc<K_v!T>&`<*#_@&h$j=qH=_}_*pqi8%j`1Ni&GgcW>"
    b"`4TFAxbPz6`4mHtiV<+s`I(GB<Z`m%`NmhhTu}4V`UoJ>4YMo(`VP*}RcV%*`h~o%s?*sk`mO+<Lot|k`u=N=|Ig`Y`xEuJnT&?i"
    b"`%4bG1l-R#`-dP|UOQa|`;zy8CNEs&`?JU<YCBCx`@dJ^!kh;q`@!W)cIAU7{5E-6%B}HC{6P86WfZ6~{6YV6Tj1`1{7m`LL|=SG"
    b"{JimHkd4ub{LSZ*DX}wp{TpklalV@`{UwB3^%g~7{VB}Me^jTA{ZzGJO3~*a{bKi4SkV=E{cM;SK%oWr{g*rm+z$$d{t~tW{Hh48"
    b"{uITYN212v{%t-IIc6;R{;>th8x4Jv"
)
