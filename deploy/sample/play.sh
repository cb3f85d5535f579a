# The story that deploy/run plays: who is registered, what they did in a year, what they redeemed, and how it is verified. Sourced by
# deploy/run, which provides rp, show, refused, issue, section and the paths $home, $data and $here.
# shellcheck shell=bash disable=SC2154

part() { jq -er "$1" "$data/cast.json"; }
member_id() { printf '%s' "${1##*/}"; }

register() {
  section '登记: 组织、地点、资金、会员、商户、工作人员' 'registering branches, places, funds, members, shops, staff'
  local code kind parent type places rest place
  while IFS=, read -r code kind parent type places rest; do
    local arguments=(node set "$code" --kind "$kind" --type "$type")
    [[ -z $parent ]] || arguments+=(--parent "$parent")
    for place in ${places//;/ }; do arguments+=(--place "$place"); done
    rp administrator "${arguments[@]}" >/dev/null
  done < <(tail -n +2 "$here/nodes.csv")
  rp administrator fund set street --budget 40000 >/dev/null
  rp administrator fund set community --budget 20000 >/dev/null
  rp administrator fund set donor --budget 10000 >/dev/null

  # Households and organisations first: a person's membership names them.
  python3 "$here/generate.py" holders "$data"
  rp administrator --output json member import "$data/holders.csv" >"$data/holders.json"
  python3 "$here/generate.py" persons "$data"
  rp administrator --output json member import "$data/persons.csv" >"$data/persons.json"
  python3 "$here/generate.py" year "$data" "$today"

  local terminals grid merchant terminal lane number=0
  while IFS=, read -r code grid terminals rest; do
    merchant=$(rp administrator --output json merchant create --place "$grid" --person "$(part ".owners[\"$code\"].name"):owner:20200101" |
      jq -er .merchant.name)
    printf '%s,%s\n' "$code" "$merchant" >>"$data/merchants.csv"
    for ((lane = 1; lane <= terminals; ++lane)); do
      terminal=$(rp administrator --output json terminal create --merchant "$merchant" | jq -er .terminal.name)
      issue "$code-$lane" "$terminal"
      number=$((number + 1))
    done
  done < <(tail -n +2 "$here/shops.csv")

  local grants who name person
  while IFS=, read -r code grants who rest; do
    person=(--external)
    [[ $who == external ]] || person=(--member "$(part ".staff[\"$code\"].name")")
    name=$(rp administrator --output json staff create --grant "$grants" "${person[@]}" | jq -er .staff.name)
    issue "$code" "$name"
  done < <(tail -n +2 "$here/staff.csv")
  # The member's own channel, for one of them.
  # shellcheck disable=SC2016
  issue huiyuan "$(jq -er --arg number "$(part '.rich[0].number')" '.members[] | select(.number == $number).name' "$data/persons.json")"

  # What shops give, some of it one shop alone: the codes of shops as the names that the server gave them.
  awk -F, -v OFS=, 'NR == FNR { shop[$1] = $2; next } FNR > 1 && $5 != "" { $5 = shop[$5] } { print }' \
    "$data/merchants.csv" "$here/offers.csv" >"$data/offers.csv"
  rp administrator offer import "$data/offers.csv" 2>/dev/null
  show administrator rulebook adopt "$here/rulebook-2024.json"
  say "已登记 $(jq '.members | length' "$data/persons.json") 人、1,705 户、25 个组织,8 家商户 $number 台终端" \
    "registered people, households, organisations, shops and terminals"
}

year() {
  section '一年的志愿活动: 七个网格员各交一份表' 'a year of deeds: each of seven grid workers hands in one table'
  local grid total=0
  for grid in 1 2 3 4 5 6 7; do
    rp "wanggeyuan-$grid" --output json award-batch "$data/awards-$grid.csv" >"$data/awarded-$grid.json" 2>/dev/null
    total=$((total + $(jq '.results | length' "$data/awarded-$grid.json")))
  done
  ((total == $(part .awards))) || fail "发放数不符: $total" 'not all awards were recorded'
  say "已发放 $total 笔,$(jq -s '[.[].results[].points | tonumber] | add' "$data"/awarded-*.json) 积分,达到上限 \
$(jq -s '[.[].results[] | select(.cap_hit)] | length' "$data"/awarded-*.json) 笔" 'awards, points, and awards that hit a cap'

  say '同一人同一场次不能发两次:' 'nobody is awarded twice for one session:'
  local number activity day group session grid_of
  IFS=, read -r number activity _ day group session _ < <(grep ,PAICHA, "$data/awards-3.csv" | head -n 1)
  refused SESSION_ALREADY_AWARDED wanggeyuan-3 award --member "$number" --activity "$activity" --quantity 1 --day "$day" --group "$group" \
    --session "$session"
  say '同一人同一件事也不能发两次:' 'nor twice for one case:'
  local about case
  IFS=, read -r number activity _ day group _ case _ _ about < <(grep ,HUAJIE, "$data/awards-3.csv" | head -n 1 | tr -d '\r')
  refused CASE_ALREADY_AWARDED wanggeyuan-3 award --member "$number" --activity "$activity" --quantity 1 --day "$day" --group "$group" \
    --case "$case" --about "$about"
  say '网格员不能给自己发,也不能给别的网格发:' 'a grid worker can award neither themselves nor another grid:'
  refused SELF_DEALING wanggeyuan-3 award --member "$(part '.staff["wanggeyuan-3"].number')" --activity PAICHA --quantity 1 --day "$day" \
    --group residents --session paicha-0001
  grid_of=$(part '.poor.grid')
  refused PERMISSION_DENIED "wanggeyuan-$((${grid_of##*-} % 7 + 1))" award --member "$(part .poor.number)" --activity PAICHA --quantity 1 \
    --day "$day" --group residents --session paicha-0001
}

shops() {
  section '到店兑换(每台终端各有证书)' 'redeeming at the shops, each till with its own certificate'
  local number request redemption hold i sale till line
  number=$(part '.rich[0].number')
  show chaoshi-1 quote --line RICE_5KG:1:30
  request=$(cat /proc/sys/kernel/random/uuid)
  show chaoshi-1 --request-id "$request" redeem --member "$number" --line RICE_5KG:1:30 --line EGGS_30:1:15 --clerk 01 --till-number A-0001
  say '应答丢失时用同一编号重发,不会扣两次:' 'when the answer is lost, the same id again takes nothing twice:'
  redemption=$(rp chaoshi-1 --request-id "$request" --output json redeem --member "$number" --line RICE_5KG:1:30 --line EGGS_30:1:15 \
    --clerk 01 --till-number A-0001 | jq -er 'select(.outcome.replayed).redemption')
  printf '  %s\n' "$redemption"

  i=0
  for sale in chaoshi-2=DETERGENT:1:20 liangyou-1=OIL_5L:1:50 liangyou-2=EGGS_30:2:30 zaocan-1=BREAKFAST:2:10 lifa-1=HAIRCUT:1:10 \
    yaodian-1=HEALTH_CHECK:1:8 wenju-1=STATIONERY:1:12 jiadian-1=APPLIANCE_REPAIR:1:25 wuye-1=PROPERTY_FEE:1:40:5000; do
    for _ in 1 2; do
      i=$((i + 1))
      till=${sale%%=*} line=${sale#*=}
      rp "$till" redeem --member "$(part ".rich[$i].number")" --line "$line" --clerk 01 --till-number "B-$i" >/dev/null
    done
  done
  say "又完成 $i 笔兑换,涉及 9 台终端" "another $i redemptions at 9 tills"

  say '积分不足:' 'too few points:'
  refused INSUFFICIENT_POINTS liangyou-1 redeem --member "$(part .poor.number)" --line OIL_5L:1:50
  say '店主不能在自己店里兑换:' 'an owner does not redeem at their own shop:'
  local owner
  owner=$(part '.owners.zaocan.number')
  rp wanggeyuan-2 award --member "$owner" --activity ZHUCAN --quantity 300 --day "$(TZ=Asia/Shanghai date +%Y%m%d)" --group residents \
    --session zhucan-zaocan >/dev/null
  refused SELF_DEALING zaocan-1 redeem --member "$owner" --line BREAKFAST:1:5

  say '先预扣 50 分,修好后只收 25 分,其余退回:' 'hold 50, take 25 once repaired, the rest goes back:'
  hold=$(rp jiadian-1 --output json authorize --member "$number" --line APPLIANCE_REPAIR:2:50 | jq -er .hold)
  show jiadian-1 capture "${hold##*/}" --points 25 --clerk 02

  say '顾客反悔,按请求编号撤销:' 'the customer changes their mind: undone by its request id:'
  request=$(cat /proc/sys/kernel/random/uuid)
  rp chaoshi-2 --request-id "$request" redeem --member "$number" --line DETERGENT:1:20 >/dev/null
  show chaoshi-2 reverse "$request"
  say '撤销先到,原请求后到:' 'the reversal comes first, the request after it:'
  request=$(cat /proc/sys/kernel/random/uuid)
  show chaoshi-2 reverse "$request"
  refused ALREADY_REVERSED chaoshi-2 --request-id "$request" redeem --member "$number" --line DETERGENT:1:20

  say '退货,退回 15 分到原批次:' 'goods come back: 15 points return to their lots:'
  show chaoshi-1 refund "${redemption##*/}" --points 15 --clerk 01
  say '物业费退一半,现金也退一半:' 'half of a property fee goes back, the cash with it:'
  redemption=$(rp wuye-1 --output json redeem --member "$(part '.rich[20].number')" --line PROPERTY_FEE:1:40:5000 --clerk 01 --till-number C-1 |
    jq -er .redemption)
  rp wuye-1 refund "${redemption##*/}" --points 20 --cash-fen 2500 --clerk 01 >/dev/null
  refused REFUND_CASH_EXCEEDS wuye-1 refund "${redemption##*/}" --points 20 --cash-fen 2501 --clerk 01
}

members() {
  section '会员、更正、捐赠、换号' 'a member, a correction, a donation, a new number'
  local number grid award donation proposal new
  number=$(part '.rich[0].number') grid=$(part '.rich[0].grid')
  # From 2 hours of patrol to the half hour that it was.
  award=$(rp fuwu-chuangkou --output json statement "$number" | jq -er '[.lines[] | select(.activity == "XUNLUO")][0].sequence')
  show gengzheng correct "$award" --quantity 30 --reason wrong-quantity
  show "wanggeyuan-${grid##*-}" donate --member "$number" --points 10
  say '捐错了,一人申请、另一人冲销:' 'a donation in error: one person proposes, another undoes it:'
  donation=$(rp "wanggeyuan-${grid##*-}" --output json donate --member "$number" --points 7 | jq -er .outcome.sequence)
  proposal=$(rp gengzheng --output json undo propose "$donation" --reason wrong-amount | jq -er .proposal)
  refused MAKER_IS_CHECKER gengzheng undo confirm "$proposal"
  show fuhe undo confirm "$proposal"
  show huiyuan balance "$number"
  show fuwu-chuangkou statement "$number" | sed -n "1,24p"
  say '卡丢了,换新号,旧号从此无效,积分还在:' 'a lost card: a new number, the old one leads to nobody, the points stay:'
  new=$(rp administrator --output json member number "$(part '.rich[30].number')" --replace | jq -er .number)
  show fuwu-chuangkou balance "$new"
  refused INSUFFICIENT_POINTS liangyou-1 redeem --member "$(part '.rich[30].number')" --line EGGS_30:1:15
}

books() {
  section '运行中备份' 'a backup while the server runs'
  show operator backup sample
  (cd "$home/backups/sample" && run sha256sum --check --quiet SHA256SUMS)

  section '审计: 用不是我们的工具重算' 'the audit: recomputed with tools that are not ours'
  local export=$home/export member sha i
  mkdir "$export"
  for i in $(seq 0 19); do rp shenji --output json balance "$(part ".rich[$i].number")"; done >"$export/balances.jsonl"
  for member in poor owners.lifa; do rp shenji --output json balance "$(part ".$member.number")"; done >>"$export/balances.jsonl"
  show shenji export --output "$export/journal.jsonl"
  show shenji export --format csv --output "$export/journal.csv"
  sha=$(jq -r 'select(.kind == "rulebook").data.rulebook.sha256' "$export/journal.jsonl")
  show shenji blob "$sha" --output "$export/rulebook.json"
  run sha256sum "$export/rulebook.json"
  # The same rules in their one form.
  cmp <(jq -S . "$export/rulebook.json") <(jq -S . "$here/rulebook-2024.json")

  say '每种单位的全部记账相加为零(jq):' 'all postings of each unit sum to zero (jq):'
  # shellcheck disable=SC2016
  run jq -cn 'reduce (inputs.postings[]?) as $p ({}; .[$p.unit] += $p.amount)' "$export/journal.jsonl"
  say '重算各资金的余额、批次、prev 链、应付和日结,核对服务器的余额、CSV 和公布数(调解和爆料保密,只见社区服务):' \
    'balances per fund, lots, prev chains, fen and closed days again, against the server, the CSV and what was published:'
  local audit=(python3 tests/audit_export.py "$export/journal.jsonl" --balance "$export/balances.jsonl" --csv "$export/journal.csv"
    --blob "$export/rulebook.json" --count PAICHA:session=1024 --count HUAJIE:case=342 --count "SHEQU:unique=$(part .confidential)"
    --about HUAJIE:PAICHA)
  run "${audit[@]}"

  say '改动一个数字就会被发现:' 'one changed digit is found:'
  awk 'NR > 9000 && !done { done = sub(/"amount":1,/, "\"amount\":2,") } { print }' "$export/journal.jsonl" >"$export/altered.jsonl"
  if cmp -s "$export/journal.jsonl" "$export/altered.jsonl" || python3 tests/audit_export.py "$export/altered.jsonl" 2>"$export/altered.txt"; then
    fail '改动没有被发现' 'the change was not found'
  fi
  sed 's/^/  /' "$export/altered.txt"
}
