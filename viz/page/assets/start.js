// The first view. The address may say where to begin: page.html#step=12&level=cell&quiz

document.title = DATA.title;
byId("title").textContent = DATA.title;
setTheme(DATA.theme);
buildShared();
buildPanels();

const wish = new URLSearchParams(location.hash.slice(1));
const level = DATA.levels.find(({ name }) => name === wish.get("level")) ?? DATA.levels[0];
state.level = null;
showLevel(level);
go(Number(wish.get("step")) || 0);
if (wish.has("quiz")) toggleQuiz();
