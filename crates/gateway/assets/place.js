// A button that fills in where the browser is. Without this file the coordinates are typed.

const line = document.querySelector("#locate");
const coordinates = document.querySelector("#coordinates");
if (line && coordinates && navigator.geolocation) {
  line.hidden = false;
  const said = line.querySelector("[role=status]");
  line.querySelector("button").addEventListener("click", () => {
    said.textContent = line.dataset.asking;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        coordinates.value = `${coords.latitude.toFixed(4)}, ${coords.longitude.toFixed(4)}`;
        said.textContent = `${line.dataset.found} ${Math.round(coords.accuracy)} m`;
      },
      () => {
        said.textContent = line.dataset.failed;
      },
      { enableHighAccuracy: true, timeout: 20000 },
    );
  });
}
